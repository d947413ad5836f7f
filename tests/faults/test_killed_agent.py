"""The agent is killed at various moments, as Pacemaker kills it after a timeout: its process group
gets SIGKILL, the daemon does not. Each following action still returns the right result."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.faults.aftermath import check_no_state, check_serving, check_stopped, parents
from tests.faults.rig import Rig

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("witnesses")]

# When to kill an action, as shares of its duration: from before its first line to after its end.
MOMENTS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.1)


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    """An instance beside which a second daemon could listen; only the agent prevents that."""
    return make_rig().set(reuse_port="yes")


def seconds(rig: Rig, action: str) -> float:
    """Call an action; return how many seconds it took."""
    result = rig.caller(action)
    assert result.code == 0, result
    return result.seconds


def kill_after(rig: Rig, action: str, delay: float) -> None:
    """Call an action, and kill its process group after `delay` seconds if it still runs."""
    began = time.monotonic()
    child = rig.spawn(action)
    try:
        child.communicate(timeout=max(0.0, began + delay - time.monotonic()))
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


def probe(rig: Rig) -> None:
    """Assert that a probe agrees with the processes; if they change meanwhile, both results are
    right."""
    before, result, after = rig.pids, rig.probe(), rig.pids
    assert result.code in (0, 1, 7), result
    if before and after:
        assert result.code != 7, (result, before, after)
    if not before and not after:
        assert result.code == 7, result


def start(rig: Rig) -> None:
    rig.start()
    check_serving(rig)


@pytest.mark.parametrize("follow", [probe, start])
def test_a_start_that_was_killed(rig: Rig, follow: Callable[[Rig], None]) -> None:
    # the daemon needs some time to listen and to answer
    rig.set(listen_after=0.05, answer_after=0.05)
    whole = seconds(rig, "start")
    rig.stop()
    for moment in MOMENTS:
        kill_after(rig, "start", moment * whole)
        follow(rig)
        assert len(parents(rig)) <= 1, f"two daemons, of a start killed at {moment:.2f}"
        check_stopped(rig, rig.stop(timeout=60))
        check_no_state(rig)


def test_a_stop_that_was_killed(rig: Rig) -> None:
    rig.set(linger=0.05, orphans="yes")
    rig.start()
    whole = seconds(rig, "stop")
    for moment in MOMENTS:
        rig.start()
        kill_after(rig, "stop", moment * whole)
        probe(rig)
        check_stopped(rig, rig.stop(timeout=60))
        check_no_state(rig)


def test_a_start_after_a_stop_that_was_killed_makes_no_second_daemon(rig: Rig) -> None:
    """It may find a daemon that was already told to end, and fail once that ends: then Pacemaker
    calls stop."""
    rig.set(linger=0.05, orphans="yes")
    rig.start()
    whole = seconds(rig, "stop")
    for moment in MOMENTS[::2]:
        rig.start()
        kill_after(rig, "stop", moment * whole)
        assert rig.caller("start").code in (0, 1)
        assert len(parents(rig)) <= 1, f"two daemons, of a stop killed at {moment:.2f}"
        check_stopped(rig, rig.stop(timeout=60))
