"""Contract lines 9, 10, 15, 16, 18, 20: what fails says why, and stop does not fail."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest
from lxml import etree

from tests.calling import AGENTS, Caller, Result
from tests.contract.node import BareNode
from tests.contract.state import keep, state_file

# What Pacemaker keeps of an exit reason.
KEPT = 128
SECRET = "s3cr3t-w0rd with blanks"
MISSING = {
    "binary": "/nonexistent/bin/daemon",
    "config": "/nonexistent/etc/service.conf",
    "user": "no-such-user",
}
# Wrong values for as many parameters as have a type that can be wrong.
WRONG = {
    "string": "two\nlines",
    "integer": "many",
    "boolean": "perhaps",
    "select": "something else",
}


def wrong(tree: etree._Element) -> dict[str, str]:
    return {
        parameter.get("name"): WRONG[parameter.find("content").get("type")]
        for parameter in tree.iter("parameter")
    }


def declared(tree: etree._Element, values: dict[str, str]) -> dict[str, str]:
    names = {parameter.get("name") for parameter in tree.iter("parameter")}
    return {name: value for name, value in values.items() if name in names}


def keys(values: dict[str, str]) -> dict[str, str]:
    return {f"OCF_RESKEY_{name}": value for name, value in values.items()}


def assert_has_good_reason(done: Result, fact: str = "") -> None:
    """One line, and what matters within the part of it that Pacemaker keeps."""
    lines = done.err.splitlines()
    assert [line for line in lines if line.startswith("ocf-exit-reason:")] == [
        f"ocf-exit-reason:{done.reason}"
    ]
    assert "Traceback" not in done.err
    assert "bug" not in done.reason
    assert done.reason.strip() == done.reason != ""
    assert fact in done.reason.encode()[:KEPT].decode("utf-8", "replace")


@pytest.mark.parametrize("action", ["start", "validate-all", "reload-agent"])
@pytest.mark.root
def test_a_wrong_parameter_is_named_with_what_would_be_right(
    call: Caller, tree: etree._Element, action: str
) -> None:
    for name, value in wrong(tree).items():
        done = call(action, extra=keys({name: value}))
        assert done.code == 6, f"{name}: {done}"
        assert_has_good_reason(done, f"parameter {name} must be")


def test_every_select_takes_its_options_alone(call: Caller, tree: etree._Element) -> None:
    for parameter in tree.iter("parameter"):
        name = parameter.get("name")
        options = [option.get("value") for option in parameter.iter("option")]
        for value in options:
            assert call("validate-all", extra=keys({name: value})).code == 0
        if options:
            done = call("validate-all", extra=keys({name: options[0].upper() + "x"}))
            assert done.code == 6
            assert all(option in done.reason for option in options)


@pytest.mark.root
@pytest.mark.parametrize("action", ["start", "stop", "monitor", "validate-all", "bounce"])
def test_failures_have_one_line_of_reason_and_it_is_in_the_log(
    call: Caller, tree: etree._Element, bare: BareNode, action: str
) -> None:
    values = declared(tree, {**MISSING, "api_timeout": "never"})
    done = bare([AGENTS / call.agent, action], call.environment(**values))
    if done.code != 0:
        assert_has_good_reason(done)
    if done.code not in (0, 7):
        assert done.reason in call.log.read_text()


@pytest.mark.parametrize("level", [None, 10])
@pytest.mark.root
def test_start_on_a_node_without_the_software_is_5(
    call: Caller, bare: BareNode, level: int | None
) -> None:
    done = bare([AGENTS / call.agent, "start"], call.environment())
    assert done.code == 5
    assert_has_good_reason(done, "not installed")


@pytest.mark.root
@pytest.mark.parametrize("interval", [None, "0", "10000"])
@pytest.mark.parametrize("level", [None, "0", "10", "20", "15", "99"])
def test_monitor_on_a_node_without_the_software_is_7(
    call: Caller, bare: BareNode, interval: str | None, level: str | None
) -> None:
    environment = call.environment()
    if interval is not None:
        environment["OCF_RESKEY_CRM_meta_interval"] = interval
    if level is not None:
        environment["OCF_CHECK_LEVEL"] = level
    done = bare([AGENTS / call.agent, "monitor"], environment)
    assert done.code == 7
    assert_has_good_reason(done)
    assert not call.rsctmp.exists(), "a monitor changes nothing"


@pytest.mark.root
def test_a_probe_with_everything_missing_or_wrong_is_7(
    call: Caller, tree: etree._Element, bare: BareNode
) -> None:
    for values in (MISSING, wrong(tree)):
        done = bare([AGENTS / call.agent, "monitor"], {**call.environment(), **keys(values)})
        assert done.code == 7
        assert_has_good_reason(done)


@pytest.mark.root
def test_stopped_stays_0_without_software_configuration_user_and_packages(
    call: Caller, bare: BareNode
) -> None:
    done = bare([AGENTS / call.agent, "stop"], call.environment())
    assert (done.code, done.err) == (0, "")


@pytest.mark.root
def test_stopped_stays_0_with_any_parameter_missing_empty_or_wrong(
    call: Caller, tree: etree._Element, bare: BareNode
) -> None:
    bad = wrong(tree)
    cases = [MISSING, bad, dict.fromkeys(bad, ""), *({name: value} for name, value in bad.items())]
    cases.append({"additional_parameters": 'an "open quote'})
    cases.append({"additional_parameters": "--cafe=\udcff", "user": "\udcff", "binary": "\udcfe"})
    cases.append({"user": "-1"})
    cases.append({"user": str(2**80)})
    cases.append({"user": "9" * 5000})
    cases.append({"config": "/" + "x" * 5000, "binary": "y" * 5000})
    cases.append({"CRM_meta_timeout": "soon"})
    cases.append({"CRM_meta_timeout": "9" * 5000})
    cases.append({"CRM_meta_timeout": "-5"})
    for values in cases:
        done = bare([AGENTS / call.agent, "stop"], {**call.environment(), **keys(values)})
        assert (done.code, done.err) == (0, ""), f"{values}: {done}"


@pytest.mark.root
@pytest.mark.parametrize(
    "instance", ["../../p", "p" * 300, "ünïcode", "\udcff", "new\nline", ".", "p q"]
)
def test_stopped_stays_0_for_any_name_of_an_instance(
    call: Caller, bare: BareNode, instance: str
) -> None:
    call.instance = instance
    done = bare([AGENTS / call.agent, "stop"], call.environment())
    assert (done.code, done.err) == (0, "")
    assert bare([AGENTS / call.agent, "monitor"], call.environment()).code == 7


def _a_file(call: Caller) -> None:
    call.rsctmp.write_text("in the way")


def _of_another_user(call: Caller) -> None:
    call.rsctmp.mkdir()
    os.chown(call.rsctmp, 65534, 65534)


def _ours_is_a_link(call: Caller) -> None:
    call.rsctmp.mkdir()
    (call.rsctmp / "openstack").symlink_to("/nonexistent/elsewhere")


def _open_to_all(call: Caller) -> None:
    (call.rsctmp / "openstack").mkdir(parents=True)
    (call.rsctmp / "openstack").chmod(0o777)


def _garbage(call: Caller) -> None:
    for kind in ("record", "token", "lock"):
        keep(call, kind, b"\xff\x00=\n=\n")


def _a_folder_in_place_of_each_file(call: Caller) -> None:
    for kind in ("record", "token", "lock"):
        keep(call, kind, "").unlink()
        state_file(call, kind).mkdir()


@pytest.mark.root
@pytest.mark.parametrize(
    "spoil",
    [
        _a_file,
        _of_another_user,
        _ours_is_a_link,
        _open_to_all,
        _garbage,
        _a_folder_in_place_of_each_file,
    ],
)
def test_stopped_stays_0_with_any_state_folder(call: Caller, bare: BareNode, spoil) -> None:
    spoil(call)
    assert bare([AGENTS / call.agent, "monitor"], call.environment()).code == 7
    done = bare([AGENTS / call.agent, "stop"], call.environment())
    assert (done.code, done.err) == (0, "")


@pytest.mark.root
def test_stopped_stays_0_on_a_read_only_state_folder(call: Caller, bare: BareNode) -> None:
    call.rsctmp.mkdir()
    bare.mounts.insert(0, f"mount -t tmpfs -o ro none {shlex.quote(str(call.rsctmp))}")
    done = bare([AGENTS / call.agent, "stop"], call.environment())
    assert (done.code, done.err) == (0, "")


@pytest.mark.root
def test_stop_and_probe_do_not_wait_for_a_configuration_that_is_a_fifo(
    call: Caller, bare: BareNode
) -> None:
    fifo = call.folder / "service.conf"
    os.mkfifo(fifo)
    environment = call.environment(config=fifo)
    assert bare([AGENTS / call.agent, "stop"], environment, 10).code == 0
    assert bare([AGENTS / call.agent, "monitor"], environment, 10).code == 7


@pytest.mark.root
def test_stop_of_a_stopped_one_without_the_cib_secret_is_0(call: Caller, bare: BareNode) -> None:
    """Pacemaker hands over the placeholder where it cannot read the secret."""
    done = bare([AGENTS / call.agent, "stop"], call.environment(os_password="lrm://"))
    assert (done.code, done.err) == (0, "")


@pytest.mark.root
@pytest.mark.parametrize("action", ["start", "stop", "monitor", "validate-all", "bounce"])
def test_no_password_in_what_is_printed_or_logged(
    call: Caller, tree: etree._Element, bare: BareNode, action: str
) -> None:
    secrets = [
        parameter.get("name")
        for parameter in tree.iter("parameter")
        if "password" in parameter.get("name") or "token" in parameter.get("name")
    ]
    # the same words where they are not secret: a careless copy into another parameter
    values = {**dict.fromkeys(secrets, SECRET), "config": f"/etc/{SECRET}", "user": SECRET}
    debug = {"HA_debug": "1", "HA_DEBUGLOG": str(call.log)}
    for more in ({}, {"api_timeout": SECRET}, dict.fromkeys(secrets, SECRET + "\n")):
        environment = {**call.environment(), **keys({**values, **more}), **debug}
        done = bare([AGENTS / call.agent, action], environment)
        shown = done.out + done.err + (call.log.read_text() if call.log.exists() else "")
        if secrets:
            assert SECRET not in shown


def test_validate_all_says_the_same_everywhere_at_level_0(
    call: Caller, tree: etree._Element, tmp_path: Path
) -> None:
    """With everything missing that could be looked for on a host."""
    here = {**declared(tree, MISSING), "os_cacert": "/nonexistent/ca.pem"}
    assert call("validate-all", extra=keys(here)).code == 0
    assert call("validate-all", level=0, extra=keys(here)).code == 0
    assert call("validate-all", level=9, extra=keys(here)).code == 0


@pytest.mark.root
@pytest.mark.parametrize("level", [None, "0"])
def test_validate_all_says_the_same_on_a_node_without_anything(
    call: Caller, bare: BareNode, level: str | None
) -> None:
    environment = call.environment()
    if level is not None:
        environment["OCF_CHECK_LEVEL"] = level
    done = bare([AGENTS / call.agent, "validate-all"], environment)
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("level", [10, 20])
def test_validate_all_at_level_10_misses_the_program_with_5(call: Caller, level: int) -> None:
    done = call("validate-all", level=level, binary="/nonexistent/bin/daemon")
    assert done.code == 5
    assert_has_good_reason(done, "/nonexistent/bin/daemon is not installed")


def test_validate_all_at_level_10_misses_the_file_with_2(
    call: Caller, tree: etree._Element
) -> None:
    for name, value in declared(tree, {"config": "/nonexistent/service.conf"}).items():
        done = call("validate-all", level=10, binary="/bin/true", **{name: value})
        assert done.code == 2
        assert_has_good_reason(done, value)


def test_validate_all_at_level_10_misses_the_user_with_5(
    call: Caller, tree: etree._Element, tmp_path: Path
) -> None:
    config = tmp_path / "service.conf"
    config.touch()
    for name, value in declared(tree, {"user": "no-such-user"}).items():
        done = call(
            "validate-all",
            level=10,
            extra=keys({name: value}),
            binary="/bin/true",
            config=config,
        )
        assert done.code == 5
        assert_has_good_reason(done, value)


def test_notify_is_always_0(call: Caller) -> None:
    assert call("notify", api_timeout="never").code == 0


@pytest.mark.root
def test_a_reload_with_right_parameters_is_0(call: Caller, tree: etree._Element) -> None:
    offered = [action.get("name") for action in tree.iter("action")]
    assert call("reload-agent").code == (0 if "reload-agent" in offered else 3)
