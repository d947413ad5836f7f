"""How the daemon is launched: as its user, in its own session, without anything of the agent's."""

from __future__ import annotations

import grp
import os
import subprocess
from pathlib import Path

import pytest

from ocf_lib.processes.procfs import MARKER
from tests import pace
from tests.calling import AGENTS
from tests.faults.rig import Rig

pytestmark = pytest.mark.root

OURS = ("OCF_", "HA_", "PCMK_", "CIB_", "CRM_")


def test_nothing_of_the_cluster_is_in_its_environment(rig: Rig) -> None:
    """The agent's environment includes OCF_RESKEY_os_password (contract 10, predecessor 11)."""
    rig.give_credentials()
    extra = {"PCMK_debug": "1", "HA_debug": "1", "CIB_file": "x", "SECRET": "s", "LD_PRELOAD": ""}
    rig.start(extra=extra)
    variables = rig.launch["environ"]
    assert not [name for name in variables if name.startswith(OURS)]
    assert set(variables) <= {
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        MARKER,
    }


def test_its_environment_is_that_of_its_user(rig: Rig) -> None:
    rig.start(extra={"LANG": "C.UTF-8", "TZ": "Europe/Berlin", "HOME": "/root", "USER": "root"})
    variables = rig.launch["environ"]
    assert variables["HOME"] == rig.account.pw_dir
    assert variables["USER"] == variables["LOGNAME"] == rig.user
    assert variables["LANG"] == "C.UTF-8"
    assert variables["TZ"] == "Europe/Berlin"
    assert "/usr/local/bin" in variables["PATH"].split(":")
    assert "/usr/bin" in variables["PATH"].split(":")


def test_it_runs_as_its_user_and_group_and_no_other(running: Rig) -> None:
    assert running.launch["uids"] == [running.account.pw_uid] * 3
    assert running.launch["gids"] == [running.account.pw_gid] * 3
    assert 0 not in running.launch["groups"]


def test_it_has_the_groups_of_its_user(rig: Rig) -> None:
    """Supplementary groups too: nova is in libvirt, cinder in ceph."""
    group = rig.folder / "group"
    group.write_text(Path("/etc/group").read_text() + f"storage:x:54321:{rig.user}\n")
    group.chmod(0o644)
    result = rig.call_with("start", {"/etc/group": group})
    assert result.code == 0, result
    wanted = {g.gr_gid for g in grp.getgrall() if rig.user in g.gr_mem}
    assert set(rig.launch["groups"]) == {rig.account.pw_gid, 54321, *wanted}


def test_a_user_may_be_a_number(rig: Rig) -> None:
    rig.parameters["user"] = str(rig.account.pw_uid)
    rig.start()
    assert rig.launch["uids"] == [rig.account.pw_uid] * 3
    rig.stop()


def test_its_umask_is_022_whatever_ours_is(rig: Rig) -> None:
    before = os.umask(0o077)
    try:
        rig.start()
    finally:
        os.umask(before)
    assert rig.launch["umask"] == 0o022
    assert rig.pid_file.stat().st_mode & 0o777 == 0o644


def test_it_leads_a_session_of_its_own(running: Rig) -> None:
    facts = running.launch
    assert facts["pid"] == facts["session"] == facts["group"] == running.parent.pid
    assert facts["session"] != os.getsid(0)


def test_it_is_at_home(running: Rig) -> None:
    home = running.account.pw_dir
    assert running.launch["cwd"] == (os.path.realpath(home) if os.path.isdir(home) else "/")


def test_it_inherits_no_descriptor(rig: Rig) -> None:
    """If a daemon holds a descriptor of Pacemaker's open, Pacemaker waits for the daemon's end."""
    reader, writer = os.pipe()
    environment = rig.caller.environment()
    done = subprocess.run(
        [str(AGENTS / "keystone"), "start"],
        env=environment,
        input=b"",
        capture_output=True,
        pass_fds=(writer,),
        timeout=pace.seconds(30),
        check=False,
    )
    os.close(writer)
    assert done.returncode == 0
    assert os.read(reader, 1) == b""
    os.close(reader)
    log = str(rig.log_file)
    assert rig.launch["descriptors"] == {"0": "/dev/null", "1": log, "2": log}


def test_what_it_prints_is_in_its_log(rig: Rig) -> None:
    rig.set(words="to be read")
    rig.start()
    assert "to be read" in rig.log_file.read_text()


def test_it_may_open_many_files(running: Rig) -> None:
    soft, hard = running.launch["files"]
    assert soft >= min(65535, hard)


def test_signals_are_as_they_should_be(rig: Rig) -> None:
    """Python ignores SIGPIPE, nohup and shells ignore other signals; the daemon must not inherit
    that."""
    wrapper = rig.binary.with_name("wrapper")
    wrapper.write_text(
        f'#!/bin/sh\ngrep -E "Sig(Ign|Blk)" /proc/self/status > {rig.notes}/signals\n'
        f'exec {rig.binary} "$@"\n'
    )
    wrapper.chmod(0o755)
    rig.parameters["binary"] = str(wrapper)
    environment = rig.caller.environment()
    ignoring = ["sh", "-c", "trap '' HUP INT QUIT TERM USR1; exec \"$0\" start"]
    agent = str(AGENTS / "keystone")
    done = subprocess.run(
        [*ignoring, agent], env=environment, timeout=pace.seconds(30), check=False
    )
    assert done.returncode == 0
    masks = [int(line.split()[1], 16) for line in (rig.notes / "signals").read_text().splitlines()]
    # the C library reserves 32 and 33 and lets no program set them
    own = 1 << 31 | 1 << 32
    assert [mask & ~own for mask in masks] == [0, 0]


# --- arguments


def test_further_arguments_are_split_as_a_shell_would_and_given_to_none(rig: Rig) -> None:
    text = f"""--one "two words" 'semi;colon' $(touch {rig.notes}/x) `touch {rig.notes}/y` \\
        a\\ b * ~ $HOME && > {rig.notes}/z"""
    rig.parameters["additional_parameters"] = text.replace("\\\n", "")
    rig.start()
    assert rig.launch["argv"] == [
        str(rig.binary),
        f"--config-file={rig.config}",
        "--one",
        "two words",
        "semi;colon",
        "$(touch",
        f"{rig.notes}/x)",
        "`touch",
        f"{rig.notes}/y`",
        "a b",
        "*",
        "~",
        "$HOME",
        "&&",
        ">",
        f"{rig.notes}/z",
    ]
    assert {f.name for f in rig.notes.iterdir()} == {"journal", "launch"}
    assert rig.monitor().code == 0
    rig.lose_state()
    assert rig.probe().code == 0
    rig.stop()


@pytest.mark.parametrize("name", ["with blanks in it", "ünï çødé", "a$(touch b)'\";c", "{port}"])
def test_a_configuration_may_lie_anywhere(rig: Rig, name: str) -> None:
    folder = rig.config.parent / name
    folder.mkdir()
    config = folder / "key stone.conf"
    config.symlink_to(rig.config)
    rig.parameters["config"] = str(config)
    rig.start()
    assert rig.launch["argv"] == [str(rig.binary), f"--config-file={config}"]
    assert rig.monitor().code == 0
    rig.lose_state()
    assert rig.probe().code == 0
    rig.stop()


# --- wrapper scripts


def test_a_wrapper_that_becomes_the_daemon(rig: Rig) -> None:
    wrapper = rig.binary.with_name("wrapper")
    wrapper.write_text(f'#!/bin/sh\nsleep 0.2\nexec {rig.binary} "$@"\n')
    wrapper.chmod(0o755)
    rig.parameters["binary"] = str(wrapper)
    rig.start()
    assert rig.monitor(0).code == 0
    assert rig.file("record").read_text().count(f"pid={rig.parent.pid}\n") == 1
    rig.stop()


def test_a_wrapper_that_stays(rig: Rig) -> None:
    wrapper = rig.binary.with_name("wrapper")
    wrapper.write_text(f'#!/bin/sh\n{rig.binary} "$@"\n')
    wrapper.chmod(0o755)
    rig.parameters["binary"] = str(wrapper)
    rig.start()
    assert rig.monitor().code == 0
    rig.stop(timeout=5)


def test_a_daemon_that_needs_its_own_exit_is_not_held_by_pacemaker(running: Rig) -> None:
    """The agent that started the daemon has exited, and the daemon lives on."""
    assert running.parent.ppid() != os.getpid()
    assert running.monitor().code == 0
