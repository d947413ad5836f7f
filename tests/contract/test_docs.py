"""README.md and docs/: links, generated parts, and questions that need an answer at once."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from lxml import etree

from tests import pace
from tests.calling import ROOT, agents
from tests.contract import kinds

DOCS = ROOT / "docs"
README = ROOT / "README.md"
INDEX = DOCS / "README.md"
PAGES = [README, *sorted(DOCS.glob("*.md"))]
README_LINES = 150
WIDTH = 120
LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
BEGIN, END = "<!-- made by `make docs` -->\n", "\n<!-- end -->\n"
# Question: text and target of the README's link, and words that the target must contain.
QUESTIONS = {
    "Where do I put the password?": (
        "Where to put the password",
        "docs/credentials.md",
        "cibsecret set p_glance-api os_password",
    ),
    "Why does crm_mon say degraded?": (
        "Why crm_mon says degraded, and whose fault it is",
        "docs/verdicts.md#why-does-crm_mon-say-degraded",
        "pcs resource cleanup",
    ),
    "Which file decides that a hung API is the database's fault?": (
        "Which file decides what",
        "docs/developing.md#where-things-live",
        "ocf_lib/health/blame.py",
    ),
    "How do I add a service?": (
        "Add an agent in five steps",
        "docs/developing.md#add-an-agent-in-five-steps",
        "agents/NAME",
    ),
    "What happens to my running daemons when I upgrade?": (
        "What an upgrade does to running daemons",
        "docs/upgrading.md#what-happens-to-running-daemons-when-you-upgrade",
        "touches no running daemon",
    ),
}
# Paths in which the reader has to put a name.
PLACEHOLDERS = {"agents/NAME", "tests/stack/PROJECT.py"}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


each_page = pytest.mark.parametrize("page", PAGES, ids=named)


def lines(page: Path) -> list[str]:
    """The lines outside code blocks, which are indented."""
    return [line for line in page.read_text().splitlines() if not line.startswith("    ")]


def written(page: Path) -> list[str]:
    """The lines written by hand, without tables and code blocks."""
    by_hand = page.read_text().partition(BEGIN)[0].splitlines()
    return [line for line in by_hand if not line.startswith(("    ", "|"))]


def links(page: Path) -> list[tuple[str, str]]:
    """Text and target of each link to a page of the repository."""
    text = re.sub(r"`[^`]*`", "CODE", "\n".join(lines(page)))
    return [(told, to) for told, to in LINK.findall(text) if "://" not in to]


def target(page: Path, link: str) -> tuple[Path, str]:
    """The file and the anchor to which a link of the page leads."""
    path, _, anchor = link.partition("#")
    return (page.parent / path).resolve() if path else page, anchor


def sections(page: Path) -> dict[str, str]:
    """The text of each section, subsections included, by its anchor on GitHub."""
    found: dict[str, str] = {}
    open_ones: list[tuple[int, str]] = []
    for line in page.read_text().splitlines():
        heading = re.match(r"(#+) (.+)", line)
        if heading:
            level = len(heading[1])
            open_ones = [one for one in open_ones if one[0] < level]
            name = anchor = re.sub(r"[^\w\- ]", "", heading[2].lower()).replace(" ", "-")
            number = 0
            while anchor in found:
                number += 1
                anchor = f"{name}-{number}"
            found[anchor] = ""
            open_ones.append((level, anchor))
        for _, anchor in open_ones:
            found[anchor] += line + "\n"
    return found


@each_page
def test_every_link_leads_to_what_exists(page: Path) -> None:
    for _, link in links(page):
        path, anchor = target(page, link)
        assert path.exists(), f"{named(page)}: {link}"
        if anchor:
            assert anchor in sections(path), f"{named(page)}: {link}"


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= README_LINES


@each_page
def test_lines_fit_on_a_screen(page: Path) -> None:
    assert [line for line in written(page) if len(line) > WIDTH] == []


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_answered_one_click_from_the_readme(question: str) -> None:
    text, answer, words = QUESTIONS[question]
    path, anchor = target(README, answer)
    linked = [target(README, link) for told, link in links(README) if told == text]
    assert linked, f"no link says {text!r}"
    assert linked[0][0] == path
    assert linked[0][1] in ("", anchor)
    assert words in (sections(path)[anchor] if anchor else path.read_text())
    assert f"| {question} |" in README.read_text()


@pytest.mark.parametrize("page", [README, INDEX], ids=named)
def test_every_page_is_linked(page: Path) -> None:
    """The index links each page exactly once, each link on a line of its own."""
    leads = [target(page, link)[0] for _, link in links(page)]
    missing = [named(one) for one in PAGES if one not in (README, INDEX) and one not in leads]
    assert missing == []
    if page == INDEX:
        assert len(leads) == len(set(leads))
        assert sum(line.startswith("- ") for line in lines(INDEX)) == len(leads)


@each_page
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text()
    code = [line for line in text.splitlines() if line.startswith("    ")]
    code += re.findall(r"`([^`]+)`", "\n".join(lines(page)))
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    for words in re.findall(r"(?m)(?:^|\s|&& )make((?: [a-z-]+)+)(?:\s|$)", "\n".join(code)):
        assert set(words.split()) <= targets, f"{named(page)}: make{words}"


@each_page
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    folders = "agents|docs|heartbeat-shims|ocf_lib|packaging|tests"
    paths = set(re.findall(rf"`((?:{folders})/[\w./-]*)`", page.read_text()))
    assert [path for path in paths - PLACEHOLDERS if not (ROOT / path).exists()] == []


def test_the_map_has_every_module_and_no_other() -> None:
    """Each module is listed under its package, in the table of the library."""
    table = sections(DOCS / "developing.md")["where-things-live"].partition("The library, ")[2]
    library = ROOT / "ocf_lib"
    told = {
        package: set(re.findall(r"`(\w+)`", row))
        for package, row in re.findall(r"(?m)^\| `(\w+)/` \| (.+) \|$", table)
        if (library / package).is_dir()
    }
    cells = re.findall(r"(?m)^\| (`\w+\.py`.*) \| .+ \|$", table)
    told["ocf_lib"] = set(re.findall(r"`(\w+)\.py`", " ".join(cells)))
    there: dict[str, set[str]] = {}
    for path in library.rglob("*.py"):
        if path.name != "__init__.py":
            there.setdefault(path.parent.name, set()).add(path.stem)
    assert told == there


def test_generated_parts_are_current() -> None:
    """`make docs` generates them."""
    words = [sys.executable, "-B", ROOT / "packaging/generated-docs", "--check"]
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=pace.seconds(120), check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_an_agent_and_its_parameters_are_in_the_tables(agent: str, tree: etree._Element) -> None:
    """The agent has a row, and so has each of its parameters."""
    told = tree.findtext("shortdesc")
    if kinds.is_alias(agent):
        told = f"the older name of `{kinds.current(agent)}`"
    assert f"\n| `{agent}` | {told} |" in (DOCS / "agents.md").read_text()
    made = (DOCS / "parameters.md").read_text().partition(BEGIN)[2]
    for parameter in tree.iter("parameter"):
        assert f"\n| `{parameter.get('name')}` | " in made


def test_the_table_has_no_agent_that_is_gone() -> None:
    made = (DOCS / "agents.md").read_text().partition(BEGIN)[2].partition(END)[0]
    rows = [row for row in made.splitlines() if row.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == agents()
