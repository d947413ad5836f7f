"""A configuration for the shell suite (2012 to 2018) still works: each agent has every parameter,
type, default and action of the suite's agent of the same name, and no timeout is shorter. If an old
name is an alias now, the same holds for the agent of the current name.

shell_suite.json has the suite's declarations: for each parameter the differences from an optional
string without a default, for each action the timeout in seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from tests.calling import agents
from tests.contract import kinds
from tests.contract.values import keys
from tests.contract.warm import Resource

OLD: dict[str, Any] = json.loads(Path(__file__).with_name("shell_suite.json").read_text())

# Agents that ran no daemon: they evacuated instances or moved routers.
OF_OTHERS = {"NovaCompute", "NovaEvacuate", "neutron-ha-tool", "nova-compute-wait"}

# Each difference, by agent ("*" for all) and parameter, with the reason.
OTHER_DEFAULTS = {
    ("keystone", "binary"): "keystone-all is gone since Newton: unset, the distribution's is run",
    ("ceilometer-agent-central", "binary"): "unset, what has its place: ceilometer-polling",
    ("cinder-api", "binary"): "unset, what the distribution starts: uwsgi, or cinder-api",
    ("manila-api", "binary"): "unset, what the distribution starts: uwsgi, or manila-api",
    ("nova-api", "binary"): "unset, what the distribution starts: uwsgi, or nova-api",
    ("neutron-server", "plugin config"): "that of ML2, which replaced the Open vSwitch plugin",
    ("neutron-server", "plugin_config"): "that of ML2, which replaced the Open vSwitch plugin",
    ("*", "pid"): "the same place, which the text tells: no value names it on every host",
    ("*", "url"): "unset, the instance's own listening socket, which cannot be another's",
}
OTHER_TYPES: dict[tuple[str, str], str] = {}
NOT_REQUIRED: dict[tuple[str, str], str] = {}
# Old and new spelling of a boolean's default.
SAME = {"0": "false", "1": "true", "no": "false", "yes": "true"}


def old(agent: str) -> list[str]:
    """The shell suite's names of this agent: its current name and its aliases."""
    return [name for name in kinds.names(agent) if name in OLD]


def old_parameters(agent: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yields the agent's old name, a parameter's name, and the parameter's declaration."""
    for name in old(agent):
        for parameter, facts in OLD[name]["parameters"].items():
            yield name, parameter, facts


def parameters(tree: etree._Element) -> dict[str, etree._Element]:
    return {parameter.get("name"): parameter for parameter in tree.iter("parameter")}


def test_every_parameter_is_still_there(agent: str, tree: etree._Element) -> None:
    assert {name for _, name, _ in old_parameters(agent)} <= set(parameters(tree))


def test_types_are_the_same(agent: str, tree: etree._Element) -> None:
    for was, name, facts in old_parameters(agent):
        if (was, name) not in OTHER_TYPES:
            content = parameters(tree)[name].find("content")
            assert content.get("type") == facts.get("type", "string"), name


def test_defaults_are_the_same(agent: str, tree: etree._Element) -> None:
    for was, name, facts in old_parameters(agent):
        if not {(was, name), ("*", name)} & set(OTHER_DEFAULTS):
            content = parameters(tree)[name].find("content")
            default = facts.get("default")
            if content.get("type") == "boolean":
                default = SAME.get(default, default)
            assert content.get("default") == default, name


def test_nothing_has_become_required(agent: str, tree: etree._Element) -> None:
    for name, parameter in parameters(tree).items():
        for was in old(agent):
            facts = OLD[was]["parameters"].get(name, {})
            if (was, name) not in NOT_REQUIRED:
                assert parameter.get("required") != "1" or facts.get("required"), name


def test_actions_are_still_there_and_no_timeout_is_shorter(
    agent: str, tree: etree._Element
) -> None:
    for was in old(agent):
        for name, timeout in OLD[was]["actions"].items():
            found = [a for a in tree.iter("action") if a.get("name") == name]
            assert found, f"no action {name}"
            # a monitor without a configured depth runs the checks of depth 10
            usual = [action for action in found if int(action.get("depth") or 0) <= 10]
            longest = max(int(action.get("timeout").rstrip("s")) for action in usual)
            assert longest >= timeout, name


def test_the_tables_above_hold_nothing_that_is_settled(described: dict[str, str]) -> None:
    for agent, name in {**OTHER_DEFAULTS, **OTHER_TYPES, **NOT_REQUIRED}:
        assert agent in ("*", *agents())
        if agent == "*":
            assert any(name in facts["parameters"] for facts in OLD.values())
            continue
        assert name in OLD[agent]["parameters"]
        content = parameters(etree.fromstring(described[agent].encode()))[name].find("content")
        if (agent, name) in OTHER_DEFAULTS:
            assert content.get("default") != OLD[agent]["parameters"][name].get("default")


def test_the_shell_suite_s_agents_are_there() -> None:
    assert set(OLD) - OF_OTHERS - set(agents()) == set()


def test_an_old_configuration_is_valid(agent: str, call: Resource) -> None:
    """It sets every parameter to the shell suite's default, as crm shells did."""
    for was in old(agent):
        defaults = {
            name: facts["default"]
            for name, facts in OLD[was]["parameters"].items()
            if "default" in facts and "$" not in facts["default"]
        }
        done = call("validate-all", extra=keys(defaults))
        assert done.code == 0, done
