"""Contract lines 9, 10, 16, 18, 20, 24, 25: each failure gives its reason, and stop never fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lxml import etree

from tests.calling import Result
from tests.contract.kinds import declaration
from tests.contract.values import MISSING, declared, files, keys, names, newer, wrong
from tests.contract.warm import Resource

# Bytes of an exit reason that Pacemaker keeps.
KEPT = 128
SECRET = "s3cr3t-w0rd with blanks"
ACTIONS = ("start", "stop", "monitor", "validate-all", "bounce")


@pytest.fixture
def present(tmp_path: Path) -> Path:
    """A file that exists."""
    path = tmp_path / "service.conf"
    path.touch()
    return path


def assert_has_good_reason(done: Result, fact: str = "") -> None:
    """Assert that the reason is one line, with `fact` in the part that Pacemaker keeps."""
    lines = done.err.splitlines()
    assert [line for line in lines if line.startswith("ocf-exit-reason:")] == [
        f"ocf-exit-reason:{done.reason}"
    ]
    assert "Traceback" not in done.err
    assert "bug" not in done.reason
    assert done.reason.strip() == done.reason != ""
    assert fact in done.reason.encode()[:KEPT].decode("utf-8", "replace")


def assert_names_each(call: Resource, action: str, values: dict[str, str]) -> None:
    """Assert that the action refuses each value and names its parameter."""
    requests = [call.request(action, extra=keys({name: value})) for name, value in values.items()]
    for name, done in zip(values, call.several(requests)):
        assert done.code == 6, f"{name}: {done}"
        assert_has_good_reason(done, f"parameter {name} must be")


def offered(tree: etree._Element, *actions: str) -> list[str]:
    """The actions that the agent has, among those given."""
    return [name for name in actions if tree.find(f"actions/action[@name='{name}']") is not None]


def test_a_wrong_parameter_is_named_with_what_would_be_right(
    call: Resource, tree: etree._Element
) -> None:
    assert_names_each(call, "validate-all", wrong(tree))


@pytest.mark.root
def test_start_and_reload_look_at_the_parameters_too(away: Resource, tree: etree._Element) -> None:
    """They use the same `Parameters.check` as validate-all, so one parameter suffices here."""
    (name, value), *_ = wrong(tree).items()
    assert_names_each(away, "start", {name: value})
    for action in offered(tree, "reload", "reload-agent"):
        assert_names_each(away, action, {name: value})


@pytest.mark.library
@pytest.mark.root
def test_start_and_reload_look_at_every_parameter(away: Resource, tree: etree._Element) -> None:
    assert_names_each(away, "start", wrong(tree))
    for action in offered(tree, "reload", "reload-agent"):
        assert_names_each(away, action, wrong(tree))


def test_every_select_takes_its_options_alone(call: Resource, tree: etree._Element) -> None:
    for parameter in tree.iter("parameter"):
        name = parameter.get("name")
        options = [option.get("value") for option in parameter.iter("option")]
        if not options:
            continue
        values = [*options, options[0].upper() + "x"]
        requests = [call.request("validate-all", extra=keys({name: value})) for value in values]
        *right, wrong_one = call.several(requests)
        assert {done.code for done in right} == {0}
        assert wrong_one.code == 6
        assert all(option in wrong_one.reason for option in options)


@pytest.mark.root
def test_failures_have_one_line_of_reason_and_it_is_in_the_log(
    away: Resource, tree: etree._Element
) -> None:
    values = declared(tree, {**MISSING, "api_timeout": "never"})
    requests = [away.request(action, extra=keys(values)) for action in ACTIONS]
    for done in away.several(requests):
        if done.code != 0:
            assert_has_good_reason(done)
        if done.code not in (0, 7):
            assert done.reason in away.log.read_text()


@pytest.mark.root
def test_start_on_a_node_without_the_software_is_5(away: Resource) -> None:
    for done in away.several([away.request("start"), away.request("start", level=10)]):
        assert done.code == 5, done
        assert_has_good_reason(done, "not installed")


def assert_not_running(away: Resource, levels: list[str | None], intervals: list[int]) -> None:
    requests = [
        away.request("monitor", level=level, interval=interval)
        for level in levels
        for interval in intervals
    ]
    for request, done in zip(requests, away.several(requests)):
        assert done.code == 7, request
        assert_has_good_reason(done)
    assert not away.rsctmp.exists(), "a monitor changes nothing"


@pytest.mark.root
def test_monitor_on_a_node_without_the_software_is_7(away: Resource, tree: etree._Element) -> None:
    depths = [action.get("depth") for action in tree.iter("action") if action.get("depth")]
    assert_not_running(away, [None, *depths], [0])
    assert_not_running(away, [None, depths[-1]], [10])


@pytest.mark.library
@pytest.mark.root
def test_monitor_of_any_level_there_is_7(away: Resource) -> None:
    assert_not_running(away, [None, "0", "10", "20", "15", "99"], [0, 10])
    explicit = away.request("monitor", extra={"OCF_RESKEY_CRM_meta_interval": "0"})
    assert away.several([explicit])[0].code == 7


@pytest.mark.root
def test_a_probe_with_everything_missing_or_wrong_is_7(
    away: Resource, tree: etree._Element
) -> None:
    requests = [away.request("monitor", extra=keys(v)) for v in (MISSING, wrong(tree))]
    for done in away.several(requests):
        assert done.code == 7
        assert_has_good_reason(done)


def assert_stops(away: Resource, cases: list[dict[str, str]]) -> None:
    """Assert that stop of a stopped instance returns 0 silently in each case."""
    requests = [away.request("stop", extra=keys(values)) for values in cases]
    for values, done in zip(cases, away.several(requests)):
        assert (done.code, done.err) == (0, ""), f"{values}: {done}"


@pytest.mark.root
def test_stopped_stays_0_without_software_configuration_user_and_packages(away: Resource) -> None:
    assert_stops(away, [{}])


@pytest.mark.root
def test_stopped_stays_0_with_any_parameter_missing_empty_or_wrong(
    away: Resource, tree: etree._Element
) -> None:
    bad = wrong(tree)
    assert_stops(away, [MISSING, bad, dict.fromkeys(bad, "")])


@pytest.mark.library
@pytest.mark.root
def test_stopped_stays_0_with_each_parameter_wrong(away: Resource, tree: etree._Element) -> None:
    assert_stops(away, [{name: value} for name, value in wrong(tree).items()])


@pytest.mark.library
@pytest.mark.root
def test_stopped_stays_0_with_values_that_no_declaration_thinks_of(away: Resource) -> None:
    assert_stops(
        away,
        [
            {"additional_parameters": 'an "open quote'},
            {"additional_parameters": "--cafe=\udcff", "user": "\udcff", "binary": "\udcfe"},
            {"user": "-1"},
            {"user": str(2**80)},
            {"user": "9" * 5000},
            {"config": "/" + "x" * 5000, "binary": "y" * 5000},
            {"CRM_meta_timeout": "soon"},
            {"CRM_meta_timeout": "9" * 5000},
            {"CRM_meta_timeout": "-5"},
        ],
    )


@pytest.mark.root
def test_stop_of_a_stopped_one_without_the_cib_secret_is_0(away: Resource) -> None:
    """Pacemaker passes the placeholder if it cannot read the secret."""
    assert_stops(away, [{"os_password": "lrm://"}])


@pytest.mark.root
def test_stop_and_probe_do_not_wait_for_a_configuration_that_is_a_fifo(
    away: Resource, tree: etree._Element
) -> None:
    fifo = away.folder / "service.conf"
    os.mkfifo(fifo)
    values = keys(dict.fromkeys(files(tree), str(fifo)))
    stop, probe = (away.request(action, extra=values, seconds=10) for action in ("stop", "monitor"))
    assert [done.code for done in away.several([stop, probe])] == [0, 7]


@pytest.mark.root
def test_no_password_in_what_is_printed_or_logged(away: Resource, tree: etree._Element) -> None:
    secrets = [name for name in names(tree) if "password" in name or "token" in name]
    if not secrets:
        return
    # also in other parameters, as if copied there by mistake
    values = {**dict.fromkeys(secrets, SECRET), "config": f"/etc/{SECRET}", "user": SECRET}
    debug = {"HA_debug": "1", "HA_DEBUGLOG": str(away.log)}
    requests = [
        away.request(action, extra={**keys({**values, **more}), **debug})
        for action in ACTIONS
        for more in ({}, {"api_timeout": SECRET}, dict.fromkeys(secrets, SECRET + "\n"))
    ]
    for request, done in zip(requests, away.several(requests)):
        assert SECRET not in done.out + done.err, request.words
    assert SECRET not in away.log.read_text()


@pytest.mark.root
def test_validate_all_says_the_same_on_every_host_at_level_0(
    call: Resource, away: Resource, tree: etree._Element
) -> None:
    """With parameters that name missing files, and on a node where nothing is installed."""
    missing = {**MISSING, "os_cacert": "/nonexistent/ca.pem", **dict.fromkeys(files(tree), "/no/f")}
    here = keys(declared(tree, missing))
    for done in call.several(
        [call.request("validate-all", level=x, extra=here) for x in (None, 0, 9)]
    ):
        assert done.code == 0, done
    for done in away.several([away.request("validate-all", level=level) for level in (None, 0)]):
        assert (done.code, done.err) == (0, "")


def test_validate_all_at_level_10_misses_the_program_with_5(
    call: Resource, tree: etree._Element
) -> None:
    if "binary" not in names(tree):
        return
    gone = "/nonexistent/bin/daemon"
    levels = [call.request("validate-all", level=level, binary=gone) for level in (10, 20)]
    for done in call.several(levels):
        assert done.code == 5
        assert_has_good_reason(done, f"{gone} is not installed")


def test_validate_all_at_level_10_misses_each_file_with_2(
    call: Resource, tree: etree._Element, present: Path
) -> None:
    """Without a parameter binary, the program may be missing too, which is reported first."""
    for name in files(tree):
        # a program that replaces uwsgi gets only the file in parameter config
        is_needed = name == "config" or "Uwsgi(" not in declaration(call.agent)
        chosen = declared(tree, {"binary": "/bin/true"} if is_needed else {})
        others = dict.fromkeys(set(files(tree)) - {newer(tree).get(name), *newer(tree)}, present)
        values = {**chosen, **others, name: "/nonexistent/s.conf"}
        done = call("validate-all", level=10, extra=keys(values))
        if done.code == 5 and not chosen:
            assert_has_good_reason(done, "not installed")
            continue
        assert done.code == 2, f"{name}: {done}"
        assert_has_good_reason(done, "/nonexistent/s.conf")


def test_validate_all_at_level_10_misses_the_user_with_5(
    call: Resource, tree: etree._Element, present: Path
) -> None:
    if "user" not in names(tree):
        return
    values = {
        **dict.fromkeys(files(tree), present),
        **declared(tree, {"binary": "/bin/true", "user": "no-such-user"}),
    }
    done = call("validate-all", level=10, extra=keys(values))
    assert done.code == 5
    assert_has_good_reason(done, "no-such-user" if "binary" in values else "")


def test_notify_is_always_0(call: Resource) -> None:
    assert call("notify", api_timeout="never").code == 0


@pytest.mark.root
def test_a_reload_with_right_parameters_is_0(call: Resource, tree: etree._Element) -> None:
    offered = [action.get("name") for action in tree.iter("action")]
    assert call("reload-agent").code == (0 if "reload-agent" in offered else 3)
