"""What every agent with an API is seen to do with its real daemon."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psutil

from tests.calling import PATH, Caller

TIMEOUT = 60.0


def check_life(caller: Caller, user: str, processes: int) -> None:
    """From "not running" over start, monitor at every level, a second start, to stop.

    processes: how many it has, its parent included.
    """
    assert caller("monitor").code == 7
    started = caller("start", timeout=TIMEOUT)
    assert started.code == 0, started
    leader = psutil.Process(int((caller.rsctmp / f"{caller.instance}.pid").read_text()))
    assert leader.username() == user
    family = [leader, *leader.children(recursive=True)]
    assert len(family) == processes
    for level in (0, 10, 10, 20, None):
        judged = caller.monitor(level)
        assert judged.code == 0, (level, judged)
    assert (caller.rsctmp / "openstack" / f"{caller.agent}@{caller.instance}.token").exists()
    assert caller("start", timeout=TIMEOUT).code == 0
    assert [leader, *leader.children(recursive=True)] == family
    stopped = caller("stop", timeout=TIMEOUT)
    assert stopped.code == 0, stopped
    # a zombie that init has yet to reap is no process any more
    assert not [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    assert caller("monitor").code == 7


def run_ocf_tester(caller: Caller, readable: Path) -> None:
    """readable: agents and library where also nobody, whom ocf-tester is at times, reaches them."""
    given = [
        word for name, value in caller.parameters.items() for word in ("-o", f"{name}={value}")
    ]
    done = subprocess.run(
        ["ocf-tester", "-n", caller.instance, *given, str(readable / "agents" / caller.agent)],
        env={"PATH": PATH, "OCF_ROOT": "/usr/lib/ocf", "HA_RSCTMP": str(caller.rsctmp)},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "passed all tests" in done.stdout
