"""Contract lines 1 to 8: how an agent is called."""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.calling import AGENTS, Caller
from tests.contract.node import BareNode

STRIPPED = {"PATH": "/usr/sbin:/bin:/usr/bin", "OCF_TESTER_FAIL_HAVE_BINARY": "1"}


def as_nobody(words: Sequence[object]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words],
        env=STRIPPED,
        cwd="/",
        user="nobody",
        group="nogroup",
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )


def is_from_checkout(agent: str) -> bool:
    path = AGENTS / agent
    return not path.is_symlink() or path.resolve().parent == AGENTS


@pytest.mark.parametrize("action", ["meta-data", "usage"])
def test_extra_words_are_ignored(call: Caller, action: str) -> None:
    assert call(f"{action} extra words").out == call(action).out != ""


def test_extra_words_do_not_change_a_verdict(call: Caller) -> None:
    plain = call("validate-all", api_timeout="never")
    assert call("validate-all more and more", api_timeout="never").code == plain.code


@pytest.mark.parametrize("action", ["bounce", "START", "monitor_0", "../monitor"])
def test_unknown_action_is_3_even_with_bad_parameters(call: Caller, action: str) -> None:
    done = call(action, config="not a path", url="nonsense", api_timeout="never")
    assert done.code == 3
    assert action in done.reason


def test_no_action_at_all_is_3_and_says_what_there_is(call: Caller) -> None:
    done = call("")
    assert done.code == 3
    assert "monitor" in done.reason


def test_what_the_meta_data_does_not_offer_is_3(call: Caller, text: str) -> None:
    for action in ("promote", "demote", "reload", "migrate_to", "migrate_from"):
        assert (call(action).code == 3) == (f'<action name="{action}"' not in text)


def test_mode_is_0755_and_it_runs_by_its_own_first_line(agent: str) -> None:
    path = AGENTS / agent
    assert stat.S_IMODE(path.stat().st_mode) == 0o755
    with path.open("rb") as file:
        assert file.readline().startswith(b"#!/usr/bin/python3 ")
    assert is_from_checkout(agent)


@pytest.mark.root
@pytest.mark.parametrize("action", ["meta-data", "usage"])
def test_describes_itself_as_nobody_on_a_stripped_environment(
    agent: str, readable: Path, action: str
) -> None:
    done = as_nobody([readable / "agents" / agent, action])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.parametrize("word", ["usage", "help"])
def test_usage_names_every_action_of_the_meta_data(call: Caller, tree, word: str) -> None:
    done = call(word)
    assert (done.code, done.err) == (0, "")
    for action in tree.iter("action"):
        assert action.get("name") in done.out


def test_meta_data_prints_xml_alone_whatever_the_output_format(call: Caller, text: str) -> None:
    done = call("meta-data", extra={"OCF_OUTPUT_FORMAT": "text"})
    assert (done.code, done.err) == (0, "")
    assert done.out == text
    assert done.out.startswith("<?xml")


def test_meta_data_does_not_depend_on_parameters_or_instance(call: Caller, text: str) -> None:
    done = call("meta-data", extra={"OCF_RESOURCE_INSTANCE": ""}, config="x", api_timeout="y")
    assert (done.code, done.out) == (0, text)


@pytest.mark.parametrize("action", ["validate-all", "start", "monitor", "reload-agent"])
@pytest.mark.parametrize("major", ["2", "0", "one"])
def test_another_major_version_of_the_api_is_an_error(
    call: Caller, action: str, major: str
) -> None:
    done = call(action, extra={"OCF_RA_VERSION_MAJOR": major})
    assert done.code not in (0, 7)
    assert "OCF_RA_VERSION_MAJOR" in done.reason


def test_an_unset_version_of_the_api_is_fine(call: Caller) -> None:
    environment = call.environment()
    del environment["OCF_RA_VERSION_MAJOR"]
    done = subprocess.run(
        [AGENTS / call.agent, "validate-all"], env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0


@pytest.mark.root
def test_ha_rsctmp_is_made_where_it_is_missing(call: Caller, bare: BareNode) -> None:
    call.rsctmp = call.folder / "deep" / "down" / "rsctmp"
    done = bare([AGENTS / call.agent, "stop"], call.environment())
    assert done.code == 0
    assert call.rsctmp.is_dir()
    assert stat.S_IMODE(call.rsctmp.stat().st_mode) == 0o755


@pytest.mark.root
@pytest.mark.parametrize("action, code", [("stop", 0), ("status", 7), ("monitor", 7)])
def test_root_instance_and_rsctmp_have_defaults(
    agent: str, bare: BareNode, action: str, code: int
) -> None:
    """Heartbeat's own OCF wrapper sets none of the three."""
    done = bare([AGENTS / agent, action], {**STRIPPED, "HA_LOGFACILITY": "none"})
    assert done.code == code
    made = bare.run_folder / "resource-agents"
    assert made.is_dir() == (action == "stop"), "a monitor changes nothing"


@pytest.mark.root
def test_state_of_two_instances_lies_in_two_files(
    call: Caller, bare: BareNode, tmp_path: Path
) -> None:
    names: set[str] = set()
    for instance in ("one", "two", "one:0", "one:1", "../one", "ein s"):
        call.instance = instance
        assert bare([AGENTS / call.agent, "stop"], call.environment()).code == 0
        made = {str(path) for path in tmp_path.rglob("*.lock")}
        assert len(made - names) == 1, "the lock that a stop leaves is its own"
        names |= made
    assert all(name.startswith(str(call.rsctmp)) for name in names)


@pytest.mark.root
@pytest.mark.parametrize("action", ["start", "stop", "monitor", "status"])
def test_an_ordinary_user_is_told_that_it_needs_root(
    agent: str, readable: Path, action: str
) -> None:
    done = as_nobody([readable / "agents" / agent, action])
    assert done.returncode == 4
    assert "needs root" in done.stderr
