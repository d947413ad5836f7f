"""Checks after an action: which processes, ports and files are left, and how long it took."""

from __future__ import annotations

import socket

from tests import pace
from tests.calling import Result
from tests.faults.rig import Rig, wait_until

# Limit in seconds for an action in which the daemon does not delay the agent. It is generous,
# since two cores may be busy with other tests, but below the 5 s after which a uwsgi is killed.
PROMPT = 4.5


def is_served(rig: Rig) -> bool:
    """Does any process accept connections at the daemon's address and port?"""
    address = rig.settings.get("address", "127.0.0.1")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        return client.connect_ex((address, rig.port)) == 0


def parents(rig: Rig) -> list[int]:
    """The PIDs of the living parent processes, one for each daemon."""
    living = set(rig.pids)
    return [pid for pid in rig.born("parent") if pid in living]


def check_stopped(rig: Rig, result: Result, within: float | None = PROMPT) -> None:
    """Assert that stop returned 0 without a reason, left no process or socket, and was in time.

    within: seconds on a quiet machine; None for no limit but its own timeout.
    """
    assert result.code == 0, f"{result}\n{rig.agent_log}"
    assert result.reason == ""
    assert rig.processes() == []
    assert not is_served(rig)
    assert result.is_in_time
    assert within is None or pace.is_within(result.seconds, within)
    probe = rig.probe()
    assert probe.code == 7, probe


def check_no_state(rig: Rig) -> None:
    """Assert that no state file is left, except perhaps the lock, which concurrent stops share, and
    what belongs to an account, which other resources use, too."""
    files = [file.name for file in rig.caller.rsctmp.rglob("*") if file.is_file()]
    left = [name for name in files if not name.startswith("account-")]
    assert left in ([], [rig.file("lock").name])


def check_serving(rig: Rig) -> None:
    """Assert that exactly one daemon runs, with all its workers, and that a probe returns 0."""
    assert len(parents(rig)) == 1
    # the first worker answers before the second is forked
    whole = 1 + int(rig.settings.get("workers", 2))
    wait_until(lambda: len(rig.pids) == whole, f"{whole} processes run")
    assert is_served(rig)
    probe = rig.probe()
    assert probe.code == 0, probe
