"""Contract lines 21 and 26 to 36: every program that reads meta-data accepts that of each agent."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from lxml import etree

from tests.calling import AGENTS, agents
from tests.contract.kinds import current, declaration, is_alias

SCHEMA = Path("/usr/share/pcs/data/ocf-1.1.rng")
TYPES = {"string", "integer", "boolean", "select"}
SECONDS = re.compile(r"[1-9][0-9]*s")

# Agents of daemons that their projects have removed, some as early as 2013.
GONE = {
    *("glance-registry", "nova-cert", "nova-consoleauth", "nova-network", "nova-objectstore"),
    *("nova-volume", "quantum-agent-dhcp", "quantum-agent-l3", "quantum-metadata-agent"),
    "quantum-server",
}


def names_of(tree: etree._Element, what: str) -> list[str]:
    return [element.get("name") for element in tree.iter(what)]


def monitors(tree: etree._Element) -> list[etree._Element]:
    return [action for action in tree.iter("action") if action.get("name") == "monitor"]


def test_name_is_the_file_name(agent: str, tree: etree._Element) -> None:
    assert tree.get("name") == agent
    assert tree.get("version")
    assert tree.findtext("version") == "1.1"


@pytest.fixture(scope="module")
def schema() -> etree.RelaxNG:
    return etree.RelaxNG(etree.parse(str(SCHEMA)))


def test_valid_against_the_ocf_1_1_schema(tree: etree._Element, schema: etree.RelaxNG) -> None:
    schema.assertValid(tree)


def test_valid_in_the_eyes_of_ocf_tester(text: str) -> None:
    done = subprocess.run(
        ["xmllint", "--noout", "--valid", "-"],
        input=text,
        text=True,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_elements_are_in_the_order_of_the_standard(tree: etree._Element) -> None:
    assert [element.tag for element in tree] == [
        "version",
        "longdesc",
        "shortdesc",
        "parameters",
        "actions",
    ]


def test_descriptions_are_there_and_english(tree: etree._Element) -> None:
    elements = [element for tag in ("longdesc", "shortdesc", "desc") for element in tree.iter(tag)]
    for element in elements:
        assert element.get("lang") == "en"
        assert element.text
        assert element.text == element.text.strip()
    for short in tree.iter("shortdesc"):
        assert "\n" not in short.text
        assert len(short.text) <= 60
        assert not short.text.endswith(".")


@pytest.fixture(scope="module")
def titles(described: dict[str, str]) -> dict[str, str]:
    trees = {name: etree.fromstring(text.encode()) for name, text in described.items() if text}
    return {name: tree.findtext("shortdesc") for name, tree in trees.items()}


def test_its_short_description_is_its_own(agent: str, titles: dict[str, str]) -> None:
    """The short description of an alias tells the current name."""
    if is_alias(agent):
        assert titles[agent].lower().startswith("older name of")
        assert titles[agent].endswith(f" {current(agent)}")
        return
    assert [name for name, title in titles.items() if title == titles[agent]] == [agent]


def test_it_says_how_to_run_it_in_a_cluster(tree: etree._Element) -> None:
    told = " ".join(tree.findtext("longdesc").split()).lower()
    assert "active/active" in told or "active/passive" in told


def test_a_daemon_that_no_release_has_any_more_is_called_legacy(
    agent: str, tree: etree._Element
) -> None:
    assert ("legacy" in tree.findtext("shortdesc")) == (current(agent) in GONE)


def test_all_legacy_agents_are_there() -> None:
    assert GONE - set(agents()) == set()


def test_crmsh_shows_the_short_description(agent: str, tree: etree._Element) -> None:
    """crmsh hides a short description that equals the name, the longdesc or the type."""
    assert tree.findtext("shortdesc") not in (agent, tree.findtext("longdesc"))
    for parameter in tree.iter("parameter"):
        hidden = (parameter.get("name"), parameter.findtext("longdesc"))
        assert parameter.findtext("shortdesc") not in hidden
        assert parameter.findtext("shortdesc") != parameter.find("content").get("type")


def test_every_parameter_is_complete_and_in_order(tree: etree._Element) -> None:
    assert len(set(names_of(tree, "parameter"))) == len(names_of(tree, "parameter"))
    for parameter in tree.iter("parameter"):
        tags = [element.tag for element in parameter]
        if tags[0] == "deprecated":
            tags = tags[1:]
        assert tags == ["longdesc", "shortdesc", "content"], parameter.get("name")
        assert set(parameter.attrib) <= {"name", "required", "reloadable", "unique-group"}


def test_types_are_those_that_the_schema_and_pcs_take(tree: etree._Element) -> None:
    for parameter in tree.iter("parameter"):
        content = parameter.find("content")
        default = content.get("default")
        assert content.get("type") in TYPES
        if default is None:
            continue
        assert default != ""
        if content.get("type") == "integer":
            int(default)
        if content.get("type") == "boolean":
            assert default in ("true", "false"), "LCMC knows no others"
        if content.get("type") == "select":
            assert default in [option.get("value") for option in content.iter("option")]


def test_a_select_has_options_and_nothing_else_has(tree: etree._Element) -> None:
    for content in tree.iter("content"):
        assert bool(len(content)) == (content.get("type") == "select")


def test_nothing_is_private(text: str) -> None:
    assert "private" not in text


def test_a_deprecated_parameter_is_never_required(tree: etree._Element) -> None:
    for parameter in tree.iter("parameter"):
        deprecated = parameter.find("deprecated")
        if deprecated is None:
            continue
        assert parameter.get("required") != "1"
        for other in deprecated.iter("replaced-with"):
            assert other.get("name") in names_of(tree, "parameter")


def test_a_required_parameter_has_no_default(tree: etree._Element) -> None:
    for parameter in tree.iter("parameter"):
        if parameter.get("required") == "1":
            assert parameter.find("content").get("default") is None


def test_actions_have_times_such_as_20s(tree: etree._Element) -> None:
    for action in tree.iter("action"):
        assert SECONDS.fullmatch(action.get("timeout"))
        assert action.get("interval") is None or SECONDS.fullmatch(action.get("interval"))
        assert set(action.attrib) <= {"name", "timeout", "interval", "depth", "role"}


def test_the_actions_that_every_agent_has(tree: etree._Element) -> None:
    assert {"start", "stop", "monitor", "meta-data", "validate-all"} <= set(
        names_of(tree, "action")
    )


def test_depth_0_is_first_and_depths_rise(tree: etree._Element) -> None:
    depths = [int(action.get("depth")) for action in monitors(tree)]
    assert depths[0] == 0
    assert depths == sorted(set(depths))


def test_intervals_of_monitors_differ(tree: etree._Element) -> None:
    intervals = [action.get("interval") for action in monitors(tree)]
    assert None not in intervals
    assert len(set(intervals)) == len(intervals)


def test_promote_and_demote_or_neither(agent: str, tree: etree._Element) -> None:
    actions = names_of(tree, "action")
    assert ("promote" in actions) == ("demote" in actions)
    assert ("migrate_to" in actions) == ("migrate_from" in actions)
    # LCMC treats an agent as promotable if and only if its file contains this word
    assert ("promote" in actions) == ("crm_master" in declaration(agent))


def test_reloadable_parameters_come_with_the_action(tree: etree._Element) -> None:
    reloadable = [p.get("name") for p in tree.iter("parameter") if p.get("reloadable") == "1"]
    assert bool(reloadable) == ("reload-agent" in names_of(tree, "action"))


def test_lcmc_can_read_it(agent: str, text: str) -> None:
    """LCMC reads the output of all agents line by line."""
    lines = text.splitlines()
    opening = [line for line in lines if "<resource-agent " in line]
    assert len(opening) == 1
    assert re.match(rf'<resource-agent .*name="{agent}".*>', opening[0])
    assert lines.count("</resource-agent>") == 1
    assert text.endswith("</resource-agent>\n")


def test_there_is_nothing_but_agents_in_their_folder() -> None:
    """LCMC runs every file in the folder whose name does not begin with a dot."""
    assert agents()
    for path in AGENTS.iterdir():
        assert path.is_file()
        assert path.name in agents()
        assert not path.is_symlink() or str(path.readlink()) == current(path.name)
        assert path.suffix == ""


def test_unique_groups_have_a_name_that_is_a_parameters(tree: etree._Element) -> None:
    for parameter in tree.iter("parameter"):
        group = parameter.get("unique-group")
        assert group is None or re.fullmatch(r"[a-z][a-z0-9_-]*", group)
