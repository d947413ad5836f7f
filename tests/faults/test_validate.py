"""validate-all: 6 for a value that is wrong on every node, 2 for one that is wrong on this host, 5
for missing software (contract 24, 25)."""

from __future__ import annotations

import pytest

from tests.faults.rig import Rig

pytestmark = pytest.mark.root

# parameter, wrong value, words of the exit reason that tell the remedy
WRONG = [
    ("config", "keystone.conf", "absolute path"),
    ("api_timeout", "soon", "whole number"),
    ("api_timeout", "0", "from 1"),
    ("api_timeout", "1.5", "whole number"),
    ("url", "127.0.0.1:5000", "http://"),
    ("url", "ftp://host/", "http://"),
    ("url", "http://host:99999/", "http://"),
    ("url", "http://user:secret@host/", "user"),
    ("os_auth_url", "keystone", "http://"),
    ("os_interface", "sideways", "public"),
    ("insecure", "perhaps", "true or false"),
    ("os_cacert", "ca.pem", "absolute path"),
    ("pid", "daemon.pid", "absolute path"),
    ("log_file", "daemon.log", "absolute path"),
    ("additional_parameters", "an 'open quote", "split"),
    ("os_username", "two\nlines", "single line"),
]
MISSING = [
    ("binary", "/nowhere/keystone", 5),
    ("binary", "no-such-keystone", 5),
    ("user", "no-such-user", 5),
    ("user", "4294967000", 5),
    ("config", "/nowhere/keystone.conf", 2),
    ("os_cacert", "/nowhere/ca.pem", 2),
]


@pytest.mark.parametrize("level", [None, 0, 10, 20])
def test_right_parameters_are_right(rig: Rig, level: int | None) -> None:
    rig.give_credentials()
    assert rig.caller("validate-all", level=level).code == 0


@pytest.mark.parametrize(("parameter", "value", "remedy"), WRONG)
def test_a_wrong_value_is_named_with_its_remedy(
    rig: Rig, parameter: str, value: str, remedy: str
) -> None:
    rig.parameters[parameter] = value
    for level in (None, 10):
        result = rig.caller("validate-all", level=level)
        assert result.code == 6
        assert parameter in result.reason[:128]
        assert remedy in result.reason


@pytest.mark.parametrize(("parameter", "value", "code"), MISSING)
def test_level_0_does_not_look_at_this_host(
    rig: Rig, parameter: str, value: str, code: int
) -> None:
    rig.parameters[parameter] = value
    for level in (None, 0):
        assert rig.caller("validate-all", level=level).code == 0


@pytest.mark.parametrize(("parameter", "value", "code"), MISSING)
def test_level_10_looks_at_this_host(rig: Rig, parameter: str, value: str, code: int) -> None:
    rig.parameters[parameter] = value
    result = rig.caller("validate-all", level=10)
    assert result.code == code
    assert parameter in result.reason
    assert value in result.reason


def test_a_password_is_not_in_the_error_about_it(rig: Rig) -> None:
    rig.parameters["os_password"] = "top\nsecret"
    result = rig.caller("validate-all")
    assert result.code == 6
    assert "os_password" in result.reason
    assert "secret" not in result.out + result.err + rig.agent_log


def test_validate_all_starts_nothing_and_stops_nothing(running: Rig) -> None:
    before = running.pids
    assert running.caller("validate-all", level=10).code == 0
    running.parameters["config"] = "relative"
    assert running.caller("validate-all", level=10).code == 6
    assert running.pids == before


def test_a_wrong_value_does_not_change_a_monitor(running: Rig) -> None:
    """A probe judges the running daemon, even if the parameters are wrong now."""
    for parameter, wrong, _ in WRONG:
        result = running.probe(**{parameter: wrong})
        assert result.code == 0, (parameter, wrong, result)


def test_reload_agent_leaves_the_daemon_as_it_is(running: Rig) -> None:
    before = running.pids
    assert running.caller("reload-agent", api_timeout=7).code == 0
    assert running.pids == before
