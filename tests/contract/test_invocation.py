"""Contract lines 1 to 5 and 8: how an agent is called."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
from lxml import etree

from tests.calling import AGENTS, Result
from tests.contract.node import run
from tests.contract.warm import Resource

STRIPPED = {"PATH": "/usr/sbin:/bin:/usr/bin", "OCF_TESTER_FAIL_HAVE_BINARY": "1"}


def as_nobody(words: Sequence[object]) -> Result:
    return run([str(word) for word in words], STRIPPED, user="nobody")


def test_extra_words_are_ignored(call: Resource, describe: Resource, text: str) -> None:
    assert describe("meta-data extra words").out == text
    assert call("usage extra words").out == call("usage").out != ""


def test_extra_words_do_not_change_a_verdict(call: Resource) -> None:
    plain = call("validate-all", api_timeout="never")
    assert call("validate-all more and more", api_timeout="never").code == plain.code


def test_unknown_action_is_3_even_with_bad_parameters(call: Resource) -> None:
    bad = {"config": "not a path", "url": "nonsense", "api_timeout": "never"}
    actions = ("bounce", "START", "monitor_0", "../monitor")
    for action, done in zip(actions, call.several([call.request(a, **bad) for a in actions])):
        assert done.code == 3
        assert action in done.reason


def test_no_action_at_all_is_3_and_says_what_there_is(call: Resource) -> None:
    done = call("")
    assert done.code == 3
    assert "monitor" in done.reason


@pytest.mark.root
def test_what_the_meta_data_does_not_offer_is_3(away: Resource, text: str) -> None:
    actions = ("promote", "demote", "reload", "migrate_to", "migrate_from")
    for action, done in zip(actions, away.several([away.request(name) for name in actions])):
        assert (done.code == 3) == (f'<action name="{action}"' not in text)


def test_mode_is_0755_and_it_runs_by_its_own_first_line(agent: str) -> None:
    path = AGENTS / agent
    assert stat.S_IMODE(path.stat().st_mode) == 0o755
    with path.open("rb") as file:
        assert file.readline().startswith(b"#!/usr/bin/python3 ")


def test_describes_itself_to_nobody_on_a_stripped_environment(text: str) -> None:
    """Fixture `asked` makes the call."""
    assert text


@pytest.mark.library
@pytest.mark.root
def test_tells_nobody_its_usage(agent: str, readable: Path) -> None:
    done = as_nobody([readable / "agents" / agent, "usage"])
    assert (done.code, done.err) == (0, "")
    assert done.out


def test_usage_names_every_action_of_the_meta_data(call: Resource, tree: etree._Element) -> None:
    for done in call.several([call.request("usage"), call.request("help")]):
        assert (done.code, done.err) == (0, "")
        for action in tree.iter("action"):
            assert action.get("name") in done.out


def test_meta_data_prints_xml_alone_whatever_the_output_format(
    describe: Resource, text: str
) -> None:
    done = describe("meta-data", extra={"OCF_OUTPUT_FORMAT": "text"})
    assert (done.code, done.err) == (0, "")
    assert done.out == text
    assert done.out.startswith("<?xml")


def test_meta_data_does_not_depend_on_parameters_or_instance(describe: Resource, text: str) -> None:
    done = describe("meta-data", extra={"OCF_RESOURCE_INSTANCE": ""}, config="x", api_timeout="y")
    assert (done.code, done.out) == (0, text)


@pytest.mark.library
@pytest.mark.root
def test_another_major_version_of_the_api_is_an_error(away: Resource, tree: etree._Element) -> None:
    offered = {action.get("name") for action in tree.iter("action")}
    for action in offered & {"validate-all", "start", "monitor", "reload-agent"}:
        for major in ("2", "0", "one"):
            done = away(action, extra={"OCF_RA_VERSION_MAJOR": major})
            assert done.code not in (0, 7)
            assert "OCF_RA_VERSION_MAJOR" in done.reason


def test_an_unset_version_of_the_api_is_fine(call: Resource) -> None:
    request = call.request("validate-all")
    del request.environment["OCF_RA_VERSION_MAJOR"]
    assert call.several([request])[0].code == 0


@pytest.mark.library
@pytest.mark.root
@pytest.mark.parametrize("action", ["start", "stop", "monitor", "status"])
def test_an_ordinary_user_is_told_that_it_needs_root(
    agent: str, readable: Path, action: str
) -> None:
    done = as_nobody([readable / "agents" / agent, action])
    assert done.code == 4
    assert "needs root" in done.err
