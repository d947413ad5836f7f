"""The manual page of every agent: man shows it, it contains all of the meta-data, and pcs and crmsh
accept its examples.

Each agent's meta-data is read once. Scripts that print the same text replace the agents.
"""

from __future__ import annotations

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lxml import etree

from tests.calling import agents
from tests.contract.manual import ALIASES, MAKER, Page, joined, plain, run, stand_ins
from tests.contract.node import Installed

CLONED, SINGLE = "run it active/active, as a clone", "run it active/passive"
# pcs takes a second to load, so one process runs all commands, one per line.
PCS = """
import shlex, sys
from pcs import app
for line in sys.stdin:
    try:
        app.main(["-f", sys.argv[1], *shlex.split(line)[1:]])
    except SystemExit as ended:
        if ended.code:
            sys.exit(f"{ended.code}: {line}")
"""


@pytest.fixture(scope="session")
def recorded(described: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stand_ins(tmp_path_factory.mktemp("recorded") / "agents", described)


@pytest.fixture(scope="session")
def manuals(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("manuals")
    done = run(MAKER, "--agents", recorded, made)
    assert done.code == 0, done
    return made


@pytest.fixture(scope="session")
def pages(manuals: Path) -> dict[str, Page]:
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(agents(), pool.map(lambda agent: Page(manuals, agent), agents())))


@pytest.fixture
def page(agent: str, pages: dict[str, Page]) -> Page:
    return pages[agent]


@pytest.fixture
def told(agent: str, described: dict[str, str]) -> etree._Element:
    """The meta-data that the page describes; for an older name, that of the current agent."""
    return etree.fromstring(described[ALIASES.get(agent, agent)].encode())


def test_man_finds_and_shows_it_without_a_warning(page: Page) -> None:
    assert (page.result.code, page.result.err) == (0, "")
    assert list(page.sections) == [
        *("NAME", "SYNOPSIS", "DESCRIPTION", "SUPPORTED PARAMETERS", "SUPPORTED ACTIONS"),
        *("EXIT CODES", "FILES", "EXAMPLE CRM SHELL", "EXAMPLE PCS", "SEE ALSO"),
    ]
    lines = page.result.out.splitlines()
    assert [line for line in lines if len(line) > 80] == []
    assert re.fullmatch(r"(\S+\(7\)) .*\1", lines[0]), "the title, on either side"


def test_no_sign_is_left_for_roff_to_embellish(agent: str, manuals: Path) -> None:
    """Debian configures groff not to change them (man.local). Elsewhere groff prints a hyphen that
    a shell does not accept in an option."""
    source = (manuals / "man7" / f"ocf_openstack_{agent}.7").read_text()
    _, _, text = source.partition("\n")
    assert re.findall(r"(?<!\\)[-'`^~]", text) == []


def test_whatis_knows_all_names(manuals: Path, described: dict[str, str]) -> None:
    own = [name for name in agents() if name not in ALIASES]
    done = run("lexgrog", *(manuals / "man7" / f"ocf_openstack_{name}.7" for name in own))
    for name in agents():
        title = etree.fromstring(described[ALIASES.get(name, name)].encode()).findtext("shortdesc")
        assert f'"ocf_openstack_{name} - {title}"' in done.out


def test_the_description_is_whole(page: Page, told: etree._Element) -> None:
    assert plain(page.sections["DESCRIPTION"]) == plain(told.findtext("longdesc"))


def test_every_parameter_is_told_with_its_facts(page: Page, told: etree._Element) -> None:
    items = page.items("SUPPORTED PARAMETERS")
    for parameter in told.iter("parameter"):
        name, content = parameter.get("name"), parameter.find("content")
        default = content.get("default")
        begin = f"{name} {parameter.findtext('shortdesc')} ({content.get('type')}"
        (item,) = [item for item in items if item.startswith(begin)]
        facts, _, long = item[len(begin) :].partition("). ")
        # for pcs, the longdesc ends with default and choices; the page has them among the facts
        choices = [option.get("value") for option in content.iter("option")]
        wanted = plain(parameter.findtext("longdesc"))
        wanted = wanted.replace(f"Default: {default}.", "").strip()
        wanted = wanted.replace(f"One of {', '.join(choices)}.", "") if choices else wanted
        assert long.startswith(wanted.strip())
        assert all(choice in facts for choice in choices)
        assert default is None or f"default: {default}" in facts
        assert ("; required" in facts) == (parameter.get("required") == "1")
        assert ("; reloadable" in facts) == (parameter.get("reloadable") == "1")
        assert ("; deprecated" in facts) == (parameter.find("deprecated") is not None)
        for new in parameter.iter("replaced-with"):
            assert f"replaced by {new.get('name')}" in facts
        for desc in parameter.iter("desc"):
            assert plain(desc.text) in long


def test_every_action_is_told_with_its_times_and_what_it_does(
    page: Page, told: etree._Element
) -> None:
    items = page.items("SUPPORTED ACTIONS")
    for action in told.iter("action"):
        depth, every = action.get("depth"), action.get("interval")
        tag = action.get("name") + (f" (depth {depth}) " if depth else " ")
        (item,) = [item for item in items if item.startswith(tag)]
        times = f"Timeout {action.get('timeout')}" + (f", every {every}." if every else ".")
        assert item.endswith(times)
        said = item[len(tag) : -len(times)]
        assert said
        # "DESCRIPTION": the page refers to the agent's longdesc, which must explain this depth
        assert "DESCRIPTION" not in said or f"depth {depth}" in page.sections["DESCRIPTION"]


def test_exit_codes_are_those_of_the_agent(page: Page, told: etree._Element) -> None:
    codes = re.findall(r"(?m)^ +(\d+) +OCF_", page.sections["EXIT CODES"])
    degrades = any(action.get("depth") not in (None, "0") for action in told.iter("action"))
    assert codes == [*"01234567", "190"] if degrades else [*"01234567"]


def test_files_are_named(agent: str, page: Page, told: etree._Element) -> None:
    items = page.items("FILES")
    current = [p for p in told.iter("parameter") if p.find("deprecated") is None]
    paths = [f"/run/resource-agents/openstack/{ALIASES.get(agent, agent)}@NAME.record"]
    paths += [c.get("default") for p in current for c in p.iter("content") if c.get("default")]
    for path in filter(lambda path: path.startswith("/"), paths):
        assert any(item.startswith(path + " ") for item in items), path
    for parameter in current:
        if parameter.get("name") == "log_file":
            assert any(re.match(r"/var/log/\S+/NAME\.log ", item) for item in items)


def test_it_says_how_to_run_it_and_shows_a_clone_only_where_it_may_be_one(
    page: Page, told: etree._Element
) -> None:
    text = plain(told.findtext("longdesc")).lower()
    assert CLONED in text or SINGLE in text
    assert not re.search(rf"(not|never) ({CLONED}|{SINGLE})", text), "the page looks for the words"
    for program, word in (("CRM SHELL", "\nclone "), ("PCS", " clone ")):
        first, *more = page.examples(program)
        assert word not in first
        assert [word in example for example in more] == ([True] if CLONED in text else [])


@pytest.fixture
def node(recorded: Path, tmp_path: Path) -> Installed:
    """A node with the scripts where pcs and crmsh look for agents."""
    made = Installed(tmp_path)
    shutil.rmtree(made.root / "resource.d" / "openstack")
    shutil.copytree(recorded, made.root / "resource.d" / "openstack", symlinks=True)
    return made


@pytest.fixture
def cib(tmp_path: Path) -> Path:
    """An empty cluster that needs no fencing device."""
    made = tmp_path / "cib.xml"
    made.write_text(run("cibadmin", "--empty").out)
    done = run("env", f"CIB_file={made}", "crm_attribute", "-n", "stonith-enabled", "-v", "false")
    assert done.code == 0, done
    return made


def shape(page: Page, agent: str) -> str:
    """The page's commands without name and times. Those of most agents differ in nothing else."""
    commands = "; ".join(map(joined, page.examples("PCS")))
    return re.sub(r"=\d+s", "=TIME", commands.replace(agent, "NAME"))


@pytest.mark.root
def test_pcs_takes_the_examples(
    node: Installed, cib: Path, pages: dict[str, Page], tmp_path: Path
) -> None:
    """The examples of one agent per shape. A primitive and its clone get different names."""
    shapes = {shape(pages[agent], agent): agent for agent in agents() if agent not in ALIASES}
    commands = [
        joined(example).replace(" p_", f" p{number}_")
        for agent in shapes.values()
        for number, example in enumerate(pages[agent].examples("PCS"))
    ]
    typed, driver = tmp_path / "commands", tmp_path / "driver.py"
    typed.write_text("\n".join(commands) + "\n")
    driver.write_text(PCS)
    done = node("sh", "-c", f"exec /usr/bin/python3 {driver} {cib} < {typed}")
    assert (done.code, done.err) == (0, "")
    made = etree.parse(str(cib))
    assert len(list(made.iter("primitive"))) == len(commands)
    assert len(list(made.iter("clone"))) == sum(" clone " in command for command in commands)


@pytest.mark.root
def test_crmsh_takes_the_examples(
    node: Installed, cib: Path, pages: dict[str, Page], tmp_path: Path
) -> None:
    """Each page's last example: the clone, which contains the primitive, or the primitive alone."""
    blocks = [
        re.sub(r"crm configure |<< END\n|commit\nEND\n", "", pages[agent].examples("CRM SHELL")[-1])
        for agent in agents()
        if agent not in ALIASES
    ]
    typed = tmp_path / "commands"
    typed.write_text("".join(blocks))
    home = {"CIB_file": str(cib), "HOME": str(tmp_path)}
    done = node("crm", "-D", "plain", "-f", str(typed), "configure", extra=home)
    assert done.code == 0, done.err
    said = [line for line in (done.out + done.err).splitlines() if " p_" in line]
    assert said == [], "it warns of a timeout below the advertised one"
    made = etree.parse(str(cib))
    assert len(list(made.iter("primitive"))) == len(blocks)
    assert len(list(made.iter("clone"))) == sum("\nclone " in block for block in blocks)


@pytest.mark.root
def test_what_is_copied_from_the_screen_works_in_a_shell(
    node: Installed, cib: Path, pages: dict[str, Page], tmp_path: Path
) -> None:
    agent = next(agent for agent in agents() if len(pages[agent].examples("PCS")) == 2)
    empty = cib.read_text()
    for example in (*pages[agent].examples("CRM SHELL"), pages[agent].examples("PCS")[-1]):
        cib.write_text(empty)
        script = f'pcs() {{ command pcs -f {cib} "$@"; }}\n{example}'
        home = {"CIB_file": str(cib), "HOME": str(tmp_path)}
        done = node("bash", "-c", script, extra=home)
        assert done.code == 0, done.err
        (made,) = etree.parse(str(cib)).iter("primitive")
        assert (made.get("id"), made.get("type")) == (f"p_{agent}", agent)
        assert (made.getparent().tag == "clone") == ("clone" in example)
