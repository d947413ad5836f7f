"""What an action has left: processes, ports, files, and how long it took."""

from __future__ import annotations

import socket

from tests.calling import Result
from tests.faults.rig import Rig, wait_until

# An agent's own share of any action, many times over: two cores may be busy with other tests. Less
# than the 5 s after which a uwsgi that has not ended is killed.
PROMPT = 4.5


def is_served(rig: Rig) -> bool:
    """Somebody listens where the daemon does."""
    address = rig.settings.get("address", "127.0.0.1")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        return client.connect_ex((address, rig.port)) == 0


def parents(rig: Rig) -> list[int]:
    """The PIDs of the living parents: of two daemons there are two."""
    living = set(rig.pids)
    return [pid for pid in rig.born("parent") if pid in living]


def check_stopped(rig: Rig, result: Result, within: float = PROMPT) -> None:
    """stop said 0 and no more, nothing of the service is left, and it was not late."""
    assert result.code == 0, f"{result}\n{rig.agent_log}"
    assert result.reason == ""
    assert rig.processes() == []
    assert not is_served(rig)
    assert result.seconds < within
    probe = rig.probe()
    assert probe.code == 7, probe


def check_no_state(rig: Rig) -> None:
    """Nor a file, but for the lock, which two stops at once may share."""
    left = [file.name for file in rig.caller.rsctmp.rglob("*") if file.is_file()]
    assert left in ([], [rig.file("lock").name])


def check_serving(rig: Rig) -> None:
    """One daemon, whole, and a probe that knows it."""
    assert len(parents(rig)) == 1
    # the first worker answers before the second is there
    whole = 1 + int(rig.settings.get("workers", 2))
    wait_until(lambda: len(rig.pids) == whole, f"{whole} processes run")
    assert is_served(rig)
    probe = rig.probe()
    assert probe.code == 0, probe
