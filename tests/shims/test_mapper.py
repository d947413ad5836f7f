"""The shim as seen by Heartbeat, by an administrator at a shell, and by the agent."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.calling import AGENTS, ROOT

from .conftest import Installed

SHIMS = ROOT / "heartbeat-shims"


def heartbeats_verdict(out: str) -> str:
    """How ResourceManager of heartbeat 3.0.6 judges the output of status (contract 38)."""
    script = (
        "case $1 in *[Nn][Oo][Tt]\\ *[Rr]unning*) echo stopped;;"
        " *[Rr]unning*|*OK*) echo running;; *) echo stopped;; esac"
    )
    words = ["sh", "-c", script, "sh", out]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def test_every_agent_has_its_shim() -> None:
    shims = {path.name: os.readlink(path) for path in SHIMS.glob("openstack-*")}
    assert shims == {f"openstack-{agent.name}": "mapper" for agent in AGENTS.iterdir()}


# --- status


@pytest.mark.parametrize(
    ("code", "word", "exit_code"),
    [
        (0, "running", 0),
        (190, "running", 0),
        (8, "running", 0),
        (191, "running", 0),
        (7, "stopped", 3),
        (1, "running", 1),
        (9, "running", 1),
        (2, "running", 4),
        (4, "running", 4),
        (5, "running", 4),
        (6, "running", 4),
        (139, "running", 4),
    ],
)
def test_status_prints_one_word(keystone: Installed, code: int, word: str, exit_code: int) -> None:
    keystone.end_with("status", code)
    result = keystone("p_keystone", "status")
    assert (result.out, result.code) == (f"{word}\n", exit_code)
    assert heartbeats_verdict(result.out) == word


def test_an_agent_that_is_killed_says_nothing_of_the_service(keystone: Installed) -> None:
    keystone.agent.write_text("#!/bin/sh\nkill -9 $$\n")
    result = keystone("p_keystone", "status")
    assert (result.out, result.code) == ("running\n", 4)


def test_an_agent_that_is_gone_says_nothing_of_the_service(keystone: Installed) -> None:
    keystone.agent.unlink()
    result = keystone("p_keystone", "status")
    assert (result.out, result.code) == ("running\n", 4)
    assert "there is no agent 'keystone'" in result.err
    assert keystone("p_keystone", "start").code == 5


def test_an_agent_that_hangs_is_ended_at_its_timeout(keystone: Installed) -> None:
    (keystone.folder / "sleep.start").write_text("60")
    assert keystone("p_keystone", "op_start_timeout=1", "start").code == 1
    (keystone.folder / "sleep.status").write_text("60")
    result = keystone("p_keystone", "op_monitor_timeout=1", "status")
    assert (result.out, result.code) == ("running\n", 4)


# --- the agent's environment


def test_the_agent_has_a_whole_ocf_environment(keystone: Installed) -> None:
    keystone.write("# a comment\n\n os_password = a b::c # 'd\"\n")
    result = keystone(
        "p_keystone",
        "config=/etc/keystone/keystone.conf",
        "os_auth_url=http://192.168.42.103:5000/v2.0/",
        "start",
        environ={"OCF_RESKEY_config": "/of/somebody/else", "SECRET": "x", "HA_CURHOST": "node-1"},
    )
    assert (result.code, result.out) == (0, "")
    assert keystone.actions == ["start"]
    assert keystone.environment == {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "OCF_ROOT": "/usr/lib/ocf",
        "OCF_RA_VERSION_MAJOR": "1",
        "OCF_RA_VERSION_MINOR": "1",
        "OCF_RESOURCE_INSTANCE": "p_keystone",
        "OCF_RESOURCE_TYPE": "keystone",
        "OCF_RESOURCE_PROVIDER": "openstack",
        "OCF_RESKEY_CRM_meta_timeout": "400000",
        "OCF_RESKEY_config": "/etc/keystone/keystone.conf",
        "OCF_RESKEY_os_auth_url": "http://192.168.42.103:5000/v2.0/",
        "OCF_RESKEY_os_password": "a b::c # 'd\"",
        "HA_DIR": str(keystone.ha_d),
        "HA_LOGFILE": str(keystone.log),
        "HA_LOGFACILITY": "none",
        "HA_CURHOST": "node-1",
    }


def test_stop_and_status_have_their_own_timeouts(keystone: Installed) -> None:
    keystone("p_keystone", "op_stop_timeout=77", "stop")
    assert keystone.environment["OCF_RESKEY_CRM_meta_timeout"] == "77000"
    assert not {name for name in keystone.environment if name.startswith("OCF_RESKEY_op_")}
    keystone("p_keystone", "status")
    assert keystone.environment["OCF_RESKEY_CRM_meta_timeout"] == "120000"


def test_without_an_instance_the_agents_name_is_taken(keystone: Installed) -> None:
    keystone.write("config = /a\n", instance="keystone")
    assert keystone("binary=/b", "start").code == 0
    told = keystone.environment
    assert told["OCF_RESOURCE_INSTANCE"] == "keystone"
    assert (told["OCF_RESKEY_config"], told["OCF_RESKEY_binary"]) == ("/a", "/b")


def test_the_line_counts_more_than_the_file(keystone: Installed) -> None:
    keystone.write("config = /of/the/file\nuser = keystone\n")
    keystone("p_keystone", "config=/of/the/line", "start")
    told = keystone.environment
    assert (told["OCF_RESKEY_config"], told["OCF_RESKEY_user"]) == ("/of/the/line", "keystone")


# --- wrong configuration and arguments


BROKEN = {
    "no assignment": ("config /a\n", "line 1 of {} is not of the form name=value"),
    "no name": ("\n= b\n", "line 2 of {} is not of the form name=value"),
    "twice": ("user = a\nuser = b\n", "line 2 of {} gives user for the second time"),
    "unknown": ("confg = /a\n", "openstack-keystone has no parameter confg"),
    "no time": ("op_start_timeout = 2min\n", "op_start_timeout must be whole seconds"),
    "NUL": ("user = a\0b\n", "line 1 of {} is not of the form name=value"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_hinders_start_alone(keystone: Installed, case: str) -> None:
    text, reason = BROKEN[case]
    file = keystone.write(text)
    for action in ("start", "restart", "pcs"):
        result = keystone("p_keystone", action)
        assert result.code == 6
        assert reason.format(file) in result.err
        assert reason.format(file) in keystone.log.read_text()
    assert keystone.actions == []
    assert keystone("p_keystone", "stop").code == 0
    assert keystone("p_keystone", "status").out == "running\n"
    assert keystone.actions == ["stop", "status"]


@pytest.mark.root
@pytest.mark.parametrize(
    ("mode", "owner", "remedy"),
    [(0o644, 0, "chmod 600"), (0o660, 1, "chmod 600"), (0o600, 65534, "chown root")],
)
def test_a_file_that_others_get_at_is_not_used(
    keystone: Installed, mode: int, owner: int, remedy: str
) -> None:
    file = keystone.write("os_password = s3cret\n", mode=mode)
    os.chown(file, owner if owner > 1 else 0, owner)
    result = keystone("p_keystone", "start")
    assert result.code == 6
    assert f"{remedy} " in result.err and str(file) in result.err
    assert keystone.actions == []
    assert keystone("p_keystone", "stop").code == 0
    assert "OCF_RESKEY_os_password" not in keystone.environment
    assert "s3cret" not in result.err + keystone.log.read_text()


def test_a_line_is_never_shown(keystone: Installed) -> None:
    keystone.write("os_password = s3\ncret\n")
    result = keystone("p_keystone", "start")
    assert result.code == 6
    assert "cret" not in result.err + keystone.log.read_text()


@pytest.mark.parametrize("name", ["../p", "a/b", ".", "..", "a b", "ä", "p" * 101, "p;x", ""])
def test_an_instance_that_could_never_start_is_stopped(keystone: Installed, name: str) -> None:
    """After a typing error in haresources, stop must succeed: Heartbeat reboots a node on which a
    stop fails."""
    started = keystone(name, "start")
    assert started.code == 2
    assert "is no name for an instance" in started.err
    assert keystone(name, "stop").code == 0
    status = keystone(name, "status")
    assert (status.out, status.code) == ("stopped\n", 3)
    assert keystone.actions == []


def test_a_word_that_is_none_is_named(keystone: Installed) -> None:
    result = keystone("p_keystone", "junk", "start")
    assert result.code == 2
    assert "word 'junk' is not of the form name=value" in result.err
    assert keystone("p_keystone", "junk", "stop").code == 0
    assert keystone.actions == ["stop"]


def test_a_secret_in_the_line_is_told_of(keystone: Installed) -> None:
    result = keystone("p_keystone", "os_password=s3cret", "start")
    assert result.code == 0
    assert "ps shows os_password to everybody: move it to" in result.err
    assert "s3cret" not in result.err + keystone.log.read_text()


@pytest.mark.parametrize("words", [(), ("p_keystone",), ("p_keystone", "promote")])
def test_what_it_cannot_do_is_said_with_what_it_can(
    keystone: Installed, words: tuple[str, ...]
) -> None:
    result = keystone(*words)
    assert result.code == (3 if words else 2)
    assert "start|stop|status|restart|force-reload|pcs" in result.err


def test_a_bug_is_no_traceback(keystone: Installed) -> None:
    keystone.write("os_password = s3cret\n")
    with (keystone.shim.resolve().parent / "agent.py").open("a") as file:
        file.write("\ndef run(self, action, call, environ):\n    raise TypeError(call.values)\n")
        file.write("\nAgent.run = run\n")
    result = keystone("p_keystone", "start")
    assert result.code == 1
    assert "bug in the shim (TypeError); the log has the details" in result.err
    log = keystone.log.read_text()
    assert "Traceback" in log
    assert "s3cret" not in result.err + log
    status = keystone("p_keystone", "status")
    assert (status.out, status.code) == ("running\n", 4)


def test_what_is_told_is_one_line_of_plain_text(keystone: Installed) -> None:
    keystone.write("\x1b[31mred\v = 1\n")
    result = keystone("p_keystone", "start")
    assert result.code == 6
    assert "\x1b" not in result.err and result.err.count("\n") == 1


# --- by hand


@pytest.mark.parametrize("code", [*range(1, 7), 7, 190])
def test_exit_codes_of_start_and_stop_are_lsbs(keystone: Installed, code: int) -> None:
    for action in ("start", "stop"):
        keystone.end_with(action, code)
        assert keystone("p_keystone", action).code == (code if code < 7 else 1)


def test_restart_takes_no_service_down_that_would_not_start(keystone: Installed) -> None:
    assert keystone("p_keystone", "restart").code == 0
    assert keystone.actions == ["validate-all", "stop", "start"]
    keystone.end_with("validate-all", 5)
    assert keystone("p_keystone", "restart").code == 5
    assert keystone.actions[3:] == ["validate-all"]


def test_restart_does_not_start_what_did_not_stop(keystone: Installed) -> None:
    keystone.end_with("stop", 1)
    assert keystone("p_keystone", "restart").code == 1
    assert keystone.actions == ["validate-all", "stop"]


def test_force_reload_rereads_where_the_agent_can(keystone: Installed) -> None:
    assert keystone("p_keystone", "force-reload").code == 0
    assert keystone.actions == ["status", "reload"]


def test_force_reload_restarts_where_it_cannot(
    keystone: Installed, descriptions: dict[str, str]
) -> None:
    keystone.describe(descriptions["horizon"])
    assert keystone("p_keystone", "force-reload").code == 0
    assert keystone.actions == ["status", "validate-all", "stop", "start"]


def test_force_reload_starts_nothing(keystone: Installed) -> None:
    keystone.end_with("status", 7)
    assert keystone("p_keystone", "force-reload").code == 0
    assert keystone.actions == ["status"]


# --- under Pacemaker


SECRET = 'it\'s a "s3cret" \\x &y $z'


def test_pcs_prints_the_commands_without_secrets(keystone: Installed) -> None:
    file = keystone.write(f"user = keystone\nos_password =  {SECRET}\nop_start_timeout = 90\n")
    result = keystone("p_keystone", "config=/etc/key stone.conf", "os_username=admin", "pcs")
    create, secret, enable = result.out.splitlines()
    assert "s3cret" not in result.out + result.err
    assert shlex.split(create) == [
        *("pcs", "resource", "create", "p_keystone", "ocf:openstack:keystone"),
        *("user=keystone", "config=/etc/key stone.conf", "os_username=admin"),
        *("op", "start", "timeout=90s", "--disabled"),
    ]
    assert enable == "pcs resource enable p_keystone"
    # run the second line in a shell, with a function that reads a value as cibsecret does
    reads = "cibsecret() { read -p 'Enter value: ' VALUE; printf '%s\\n' \"$@\" \"$VALUE\"; }"
    shown = f"{reads}\n{secret}"
    done = subprocess.run(["bash", "-c", shown], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["set", "p_keystone", "os_password", SECRET]
    assert str(file) in secret
    assert keystone.actions == []


def test_pcs_is_one_command_where_nothing_is_secret(keystone: Installed) -> None:
    result = keystone("p_keystone", "config=/etc/keystone/keystone.conf", "pcs")
    assert result.out == (
        "pcs resource create p_keystone ocf:openstack:keystone config=/etc/keystone/keystone.conf\n"
    )


def test_no_secret_of_any_agent_is_unknown_to_the_shims() -> None:
    """The shims take the names of secrets from ocf_lib/declare/credentials.py."""
    declaring = [
        path.name
        for path in [*(ROOT / "ocf_lib").rglob("*.py"), *AGENTS.iterdir()]
        if "secret=True" in Path(path).read_text()
    ]
    assert declaring == ["credentials.py"]
