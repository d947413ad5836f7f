"""crm_resource, crmsh and pcs show the meta-data of the installed agents.

Each program is called once for all agents, and its output is checked agent by agent. One test shows
that a program passes on what the agent prints; for the others, scripts that print the same text
replace the agents.
"""

from __future__ import annotations

import re
import shutil

import pytest
from lxml import etree

from tests.calling import PATH, Result
from tests.contract.values import names
from tests.contract.warm import Interpreter, Request

pytestmark = pytest.mark.root

# Wide enough that pcs breaks no line.
ENVIRONMENT = {"PATH": PATH, "LANG": "C.UTF-8", "COLUMNS": "1000", "LINES": "1000"}
CRM_RESOURCE = (
    "crm_resource",
    "--output-as=xml",
    "--validate",
    "--class=ocf",
    "--provider=openstack",
)


def ask(place: Interpreter, *lines: tuple[str, ...], own: bool = False) -> list[Result]:
    """Run each command; the program is looked up in PATH first."""
    words = [(shutil.which(line[0], path=PATH), *line[1:]) for line in lines]
    return place.run([Request(one, ENVIRONMENT, 300, own) for one in words])


@pytest.fixture(scope="session")
def shown(installed: Interpreter, chosen: list[str]) -> dict[str, Result]:
    """The output of crm_resource for each agent."""
    lines = [("crm_resource", "--show-metadata", f"ocf:openstack:{name}") for name in chosen]
    return dict(zip(chosen, ask(installed, *lines, own=True)))


@pytest.fixture(scope="session")
def pcs_tells(recited: Interpreter, chosen: list[str]) -> dict[str, Result]:
    """The full description by pcs for each agent."""
    lines = [("pcs", "resource", "describe", "--full", f"ocf:openstack:{name}") for name in chosen]
    return dict(zip(chosen, ask(recited, *lines)))


@pytest.fixture(scope="session")
def crm_tells(
    recited: Interpreter, chosen: list[str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str]]:
    """The output lines of crmsh for each agent, from two concurrent sessions; "" has the errors."""
    folder = tmp_path_factory.mktemp("crm")
    lines = []
    for half in (0, 1):
        script = folder / f"{half}.crm"
        script.write_text("".join(f"ra info ocf:openstack:{n}\n" for n in chosen[half::2]))
        lines.append(("crm", "-f", str(script)))
    told: dict[str, list[str]] = {"": []}
    for done in ask(recited, *lines, own=True):
        told[""] += [line for line in (done.out + done.err).splitlines() if "ERROR" in line]
        current: list[str] = []
        for line in done.out.splitlines():
            if begun := re.search(r"\(ocf:openstack:(\S+)\)$", line):
                current = told[begun.group(1)] = []
            current.append(line)
    return told


@pytest.fixture(scope="session")
def lists(installed: Interpreter, recited: Interpreter) -> list[list[str]]:
    """The lists of agents, as words, by crm_resource, crmsh and pcs."""
    done = ask(
        installed,
        ("crm_resource", "--list-agents", "ocf:openstack"),
        ("crm", "ra", "list", "ocf", "openstack"),
        own=True,
    )
    done += ask(recited, ("pcs", "resource", "list", "--nodesc", "ocf:openstack:"))
    assert [one.code for one in done] == [0, 0, 0], done
    return [one.out.split() for one in done]


def test_crm_resource_shows_what_the_agent_printed(
    agent: str, shown: dict[str, Result], text: str
) -> None:
    """pcs and crmsh get the meta-data from crm_resource too."""
    done = shown[agent]
    assert done.code == 0, done.err
    assert done.out.strip() == text.strip()


def test_crm_resource_crmsh_and_pcs_list_it(agent: str, lists: list[list[str]]) -> None:
    assert agent in lists[0]
    assert agent in lists[1]
    assert f"ocf:openstack:{agent}" in lists[2]


@pytest.mark.library
def test_pcs_tells_what_it_is_in_its_list(
    agent: str, recited: Interpreter, tree: etree._Element
) -> None:
    (done,) = ask(recited, ("pcs", "resource", "list", f"ocf:openstack:{agent}"))
    assert f"ocf:openstack:{agent} - {tree.findtext('shortdesc')}" in done.out.splitlines()


@pytest.mark.library
def test_crm_resource_validates_it(
    agent: str, installed: Interpreter, tree: etree._Element
) -> None:
    """It calls validate-all; test_failures.py calls that for all agents."""
    good, bad = ask(
        installed,
        (*CRM_RESOURCE, f"--agent={agent}"),
        (*CRM_RESOURCE, f"--agent={agent}", "--option", "log_file=nowhere"),
        own=True,
    )
    assert good.code == 0, good
    assert bad.code == (6 if "log_file" in names(tree) else 0), bad


def pcs_names(done: Result) -> list[str]:
    """The parameters in a description by pcs, without the remarks in brackets."""
    found = (re.match(r"  ([^(:]+?)( \([^)]*\))*:", line) for line in done.out.splitlines())
    return [one.group(1) for one in found if one]


def test_pcs_describes_every_parameter_and_monitor(
    agent: str, pcs_tells: dict[str, Result], tree: etree._Element
) -> None:
    done = pcs_tells[agent]
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"ocf:openstack:{agent} - {tree.findtext('shortdesc')}\n")
    assert set(names(tree)) <= set(pcs_names(done))
    for action in tree.iter("action"):
        depth = action.get("depth")
        if depth not in (None, "0"):
            assert f"OCF_CHECK_LEVEL={depth}" in done.out


@pytest.mark.library
def test_pcs_hides_what_is_deprecated(
    agent: str, recited: Interpreter, tree: etree._Element
) -> None:
    (done,) = ask(recited, ("pcs", "resource", "describe", f"ocf:openstack:{agent}"))
    assert (done.code, done.err) == (0, "")
    deprecated = {p.get("name") for p in tree.iter("parameter") if p.find("deprecated") is not None}
    assert set(pcs_names(done)) & set(names(tree)) == set(names(tree)) - deprecated


def test_crmsh_finds_no_error(crm_tells: dict[str, list[str]]) -> None:
    assert crm_tells[""] == []


def test_crmsh_shows_every_parameter_default_and_operation(
    agent: str, crm_tells: dict[str, list[str]], tree: etree._Element
) -> None:
    lines = crm_tells.get(agent, [])
    for parameter in tree.iter("parameter"):
        content = parameter.find("content")
        kind = content.get("type")
        default = content.get("default")
        known = kind if default is None else f"{kind}, [{default}]"
        star = "*" if parameter.get("required") == "1" else ""
        title = f"{parameter.get('name')}{star} ({known}): {parameter.findtext('shortdesc')}"
        assert title in lines
    for action in tree.iter("action"):
        if action.get("depth"):
            assert any(
                f"timeout={action.get('timeout')} interval={action.get('interval')}" in line
                and line.endswith(f"depth={action.get('depth')}")
                for line in lines
            )
