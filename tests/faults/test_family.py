"""Unusual processes of a daemon: a parent that is a zombie, and helpers that run as root and are no
children of the parent."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator

import psutil
import pytest

from tests.faults.aftermath import check_no_state, check_stopped
from tests.faults.rig import Rig, wait_until

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("witnesses")]


# --- a zombie parent


@pytest.fixture
def headless(rig: Rig) -> Rig:
    """Two workers of a dead parent, which is a zombie because nobody waits for it."""
    rig.set(orphans="yes")
    child = rig.run_by_hand()
    wait_until(lambda: len(rig.pids) == 3, "it runs")
    rig.start()
    rig.parent.kill()
    wait_until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE, "nobody waits")
    wait_until(lambda: len(rig.pids) == 2, "two are left")
    return rig


@pytest.mark.parametrize("state", ["kept", "lost"])
def test_a_zombie_parent_of_living_workers(headless: Rig, state: str) -> None:
    if state == "lost":
        headless.lose_state()
    for result in (headless.probe(), headless.monitor(), headless.caller("start", timeout=60)):
        assert result.code == 1
        assert result.reason.startswith("the parent process is gone, 2 processes (PID ")
    check_stopped(headless, headless.stop(timeout=60))
    check_no_state(headless)


def test_a_zombie_parent_of_workers_that_do_not_heed(rig: Rig) -> None:
    rig.set(ignore="worker", orphans="yes", sessions="yes")
    child = rig.run_by_hand()
    wait_until(lambda: len(rig.pids) == 3, "it runs")
    rig.start()
    rig.parent.kill()
    wait_until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE, "nobody waits")
    check_stopped(rig, rig.stop(timeout=3), within=None)


# --- helpers that run as root (oslo.privsep with sudo: agents of Neutron, Nova and Cinder)


@pytest.fixture
def helped(rig: Rig) -> Iterator[Rig]:
    """An instance whose daemon has such a helper. The helper is killed at the end of the test."""
    program = rig.binary.with_name("become-root")
    shutil.copy("/usr/bin/python3", program)
    os.chown(program, 0, rig.account.pw_gid)
    program.chmod(0o4750)
    rig.set(helper=program)
    yield rig
    for pid in rig.born("helper"):
        if is_helper(rig, pid):
            os.kill(pid, signal.SIGKILL)
    program.unlink()


def is_helper(rig: Rig, pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        return str(rig.notes) in " ".join(process.cmdline()) and process.uids().real == 0
    except psutil.NoSuchProcess:
        return False


def helper(rig: Rig) -> psutil.Process:
    wait_until(lambda: rig.born("helper"), "the helper runs")
    made = psutil.Process(rig.born("helper")[-1])
    assert made.uids().real == 0
    assert made.ppid() not in rig.pids
    assert os.getsid(made.pid) == os.getsid(rig.parent.pid)
    assert made.environ() == {}
    return made


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("state", ["kept", "lost"])
def test_a_helper_of_root_s_ends_with_the_daemon(helped: Rig, state: str) -> None:
    helped.start()
    left = helper(helped)
    if state == "lost":
        helped.lose_state()
    assert helped.monitor().code == 0
    check_stopped(helped, helped.stop(timeout=60))
    assert is_gone(left)


@pytest.mark.parametrize("state", ["kept", "lost"])
def test_a_helper_that_heeds_nobody(helped: Rig, state: str) -> None:
    helped.set(ignore="helper")
    helped.start()
    left = helper(helped)
    if state == "lost":
        helped.lose_state()
    check_stopped(helped, helped.stop(timeout=3), within=None)
    assert is_gone(left)


def test_a_helper_whose_daemon_died_is_an_orphan(helped: Rig) -> None:
    helped.start()
    left = helper(helped)
    helped.parent.kill()
    wait_until(lambda: helped.pids == [], "the rest is gone")
    assert helped.probe().code == 1
    assert helped.caller("start").code == 1
    check_stopped(helped, helped.stop(timeout=60))
    assert is_gone(left)


def test_a_frozen_helper(helped: Rig) -> None:
    helped.start()
    left = helper(helped)
    left.suspend()
    wait_until(lambda: left.status() == psutil.STATUS_STOPPED, "it froze")
    result = helped.stop(timeout=12)
    check_stopped(helped, result)
    assert is_gone(left)
    assert "SIGKILL" not in helped.agent_log
