"""The Heartbeat shim with a real daemon, called as Heartbeat or an administrator calls it."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from tests import pace
from tests.calling import ROOT
from tests.faults.rig import Rig, wait_until

pytestmark = pytest.mark.root


def shim(rig: Rig, action: str) -> tuple[int, str]:
    """Call the shim; return its LSB exit code and its output."""
    words = [f"{name}={value}" for name, value in rig.parameters.items()]
    environment = {n: v for n, v in rig.caller.environment().items() if n.startswith("HA_")}
    done = subprocess.run(
        [ROOT / "heartbeat-shims/openstack-keystone", rig.caller.instance, *words, action],
        env={**environment, "HA_DIR": str(rig.folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        timeout=pace.seconds(60),
        check=False,
    )
    return done.returncode, done.stdout


def test_a_life_through_the_shim(rig: Rig) -> None:
    assert shim(rig, "status") == (3, "stopped\n")
    assert shim(rig, "start") == (0, "")
    assert rig.probe().code == 0
    assert shim(rig, "status") == (0, "running\n")
    assert shim(rig, "start") == (0, "")
    assert rig.count("born parent") == 1
    first = rig.parent.pid
    assert shim(rig, "restart") == (0, "")
    assert rig.parent.pid != first
    assert shim(rig, "stop") == (0, "")
    assert rig.processes() == rig.sentinels == []
    assert shim(rig, "stop") == (0, "")
    assert shim(rig, "status") == (3, "stopped\n")


def test_a_crash_without_pacemaker(rig: Rig) -> None:
    """Orphaned workers count as running, so that Heartbeat does not start the service elsewhere.
    The sentinel cannot tell Pacemaker and ends with the daemon."""
    rig.set(orphans="yes")
    assert shim(rig, "start") == (0, "")
    os.kill(rig.parent.pid, signal.SIGKILL)
    wait_until(lambda: "ended by signal 9 (SIGKILL)" in rig.agent_log, "the log tells of the crash")
    wait_until(lambda: rig.sentinels == [], "the sentinel ends")
    assert shim(rig, "status") == (1, "running\n")
    assert shim(rig, "stop") == (0, "")
    assert rig.processes() == []
    assert shim(rig, "status") == (3, "stopped\n")
