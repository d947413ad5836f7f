"""Polls the cluster and records each change with its time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bed.bed import BedError
from tests.bed.cluster import Cluster
from tests.bed.node import CommandFailed

from .standing import DEGRADED, FAILED, HEALTHY, Standing, fail_counts, last_failure, standings

# Seconds between two looks; a look takes 0.1 s. Pacemaker's own times are whole seconds.
PAUSE = 0.5
# Failures in a row that count: one failed command is normal on a shared machine.
TRIES = 10


@dataclass(frozen=True)
class Event:
    """A change. at: when it was seen, in seconds since 1970. kind: "state" (of a resource), "start"
    (it was started or moved), "process" (its PID changed), "fail-count", "fencing", "away" or
    "back" (a dependency), "fault" (caused by the storm). subject: what changed."""

    at: float
    kind: str
    subject: str
    text: str
    node: str = ""
    state: str = ""
    reason: str = ""


class Recorder:
    """events: in order. now: the state of each resource at the last look. fault: why it gave up, or
    None.

    say: called with a line for each event.
    """

    def __init__(
        self, cluster: Cluster, resources: Iterable[str], say: Callable[[str], None]
    ) -> None:
        self.cluster, self.resources, self.say = cluster, list(resources), say
        self.events: list[Event] = []
        self.now: dict[str, Standing] = {}
        self.counts: dict[str, int] = {}
        self.fault: Exception | None = None
        self._processes: dict[str, str] = {}
        self._fencings = len(cluster.bed.fencings())
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Look once, then keep looking in a thread until stop()."""
        self.look()
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(60)

    def note(self, kind: str, subject: str, text: str, **more: str) -> float:
        """Add an event that happens now; return its time."""
        event = Event(time.time(), kind, subject, text, **more)
        with self._lock:
            self.events.append(event)
        self.say(text)
        return event.at

    def since(self, moment: float, kind: str) -> list[Event]:
        """Return the events of this kind from `moment` on."""
        with self._lock:
            return [each for each in self.events if each.kind == kind and each.at >= moment]

    def _run(self) -> None:
        failed = 0
        while not self._ended.wait(PAUSE):
            try:
                self.look()
                failed = 0
            except (BedError, CommandFailed, TimeoutError, OSError) as fault:
                failed += 1
                if failed == TRIES:
                    self.fault = fault
                    return

    def look(self) -> None:
        """Ask Pacemaker and the nodes once; record the changes since the last look."""
        state = self.cluster.bed.ask(do="state")
        status = self.cluster.cib("status")
        now = standings(status, self.resources)
        for name, standing in now.items():
            self._compare(name, self.now.get(name), standing, status)
        self.now = now
        for name, standing in now.items():
            self._see_process(name, standing, state["nodes"])
        counts = fail_counts(status)
        for name, count in counts.items():
            if count != self.counts.get(name, 0):
                reason = last_failure(status, name)
                text = f"{name} failed: {reason} (fail count {count})"
                self.note("fail-count", name, text, state=FAILED, reason=reason)
        self.counts = counts
        for one in state["fencings"][self._fencings :]:
            text = f"{one['node']} was fenced at the request of {one['by']}"
            self.note("fencing", one["node"], text)
        self._fencings = len(state["fencings"])

    def _compare(self, name: str, before: Standing | None, now: Standing, status: Any) -> None:
        where = {"node": now.node, "state": now.state, "reason": now.reason}
        if before is not None and now.started not in (0, before.started):
            self.note("start", name, f"{name} was started on {now.node}", node=now.node)
        # the reason is from the first poll with this result: Pacemaker records no later one
        if before is None or (before.state, before.reason) != (now.state, now.reason):
            text = f"{name} {now.state}" + (f": {now.reason}" if now.reason else "")
            if before is not None and now.state == HEALTHY and before.state in (DEGRADED, FAILED):
                text += " again"
            self.note("state", name, text, **where)

    def _see_process(self, name: str, standing: Standing, nodes: dict[str, int | None]) -> None:
        """Record a change of the daemon's PID (from its PID file) or of its start time."""
        first = nodes.get(standing.node)
        if first is None:
            return
        root = Path(f"/proc/{first}/root")
        try:
            pid = (root / f"run/resource-agents/{name}.pid").read_text().strip()
            begun = (root / f"proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        except OSError:
            return  # it is just being stopped or started
        process = f"{standing.node} PID {pid} begun {begun}"
        if self._processes.get(name, process) != process:
            text = f"{name} now runs as PID {pid} on {standing.node}"
            self.note("process", name, text, node=standing.node)
        self._processes[name] = process
