"""How soon the agent's actions follow the daemon, in seconds of wall time on a quiet machine.

start: from the daemon's first good answer. stop: from the end of its last process. The sentinel:
from a crash to the call of Pacemaker's tool. The daemon is a stand-in with given times, so that
only the agent's own time is measured. The limits are multiples of the time that a bare interpreter
takes, measured in between.
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.cost import BARE
from tests.bench.services import Service
from tests.faults.pacemaker import Pacemaker

# What the project allows itself (median), as a multiple of a bare interpreter's wall time. start
# looks for the answer every 50 ms, which no faster machine makes shorter.
LIMITS = {
    "start, after the daemon's first good answer": 10.0,
    "stop, after the end of its last process": 6.0,
    "a crash, until Pacemaker's tool is called": 15.0,
}
ROUNDS = 15
# Seconds that the daemon takes to answer and to end.
LOADING, LINGERING = "0.6", "0.4"
POLL = 0.002
PATIENCE = 30.0


def measure(folder: Path, agents: Path) -> list[dict[str, Any]]:
    """Return the figures, one for each entry of LIMITS."""
    service = Service(folder / "prompt", agents, "keystone", name="p_prompt")
    service.set(connect="", answer_after=LOADING, linger=LINGERING)
    pacemaker = Pacemaker(service)
    found: dict[str, list[float]] = {name: [] for name in LIMITS}
    started, stopped, told = found.values()
    bare = []
    for turn in range(ROUNDS):
        bare.append(seconds_of_a_bare_interpreter())
        (pacemaker.folder / "told").unlink(missing_ok=True)
        answered = Moment(lambda: answers(service.port))
        service.start(timeout=PATIENCE, extra=pacemaker.extra)
        started.append(time.monotonic() - answered.wait())
        if turn % 2:
            pids = service.pids
            ended = Moment(lambda pids=pids: not any(lives(pid) for pid in pids))
            service.stop(timeout=PATIENCE)
            stopped.append(time.monotonic() - ended.wait())
        else:
            begun = time.monotonic()
            os.kill(service.parent.pid, signal.SIGKILL)
            told.append(Moment(lambda: pacemaker.told).wait() - begun)
            service.stop(timeout=PATIENCE)
    one = statistics.median(bare)
    return [
        {
            "name": name,
            "ratio": statistics.median(times) / one,
            "seconds": statistics.median(times),
            "longest": max(times),
            "limit": LIMITS[name],
            "calls": len(times),
        }
        for name, times in found.items()
    ]


def seconds_of_a_bare_interpreter() -> float:
    begun = time.monotonic()
    subprocess.run(BARE, env={}, check=True)
    return time.monotonic() - begun


class Moment:
    """The moment when a condition becomes true, checked every 2 ms."""

    def __init__(self, is_so: Callable[[], object]) -> None:
        self.is_so, self.at = is_so, 0.0
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self) -> None:
        until = time.monotonic() + PATIENCE
        while not self.is_so() and time.monotonic() < until:
            time.sleep(POLL)
        self.at = time.monotonic()

    def wait(self) -> float:
        """Return the moment, on the monotonic clock, in seconds."""
        self.thread.join()
        return self.at


def answers(port: int) -> bool:
    """Does the API answer a request that needs no token with 2xx or 3xx?"""
    try:
        with socket.create_connection(("127.0.0.1", port), 0.05) as connection:
            connection.settimeout(PATIENCE)
            connection.sendall(b"GET / HTTP/1.0\r\nConnection: close\r\n\r\n")
            return connection.recv(12)[9:10] in b"23"
    except OSError:
        return False


def lives(pid: int) -> bool:
    """Does the process exist, and is it no zombie?"""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in b"ZX"
    except OSError:
        return False
