"""Compares what Pacemaker has started with what a play has broken."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from .cluster import Cluster

LOG = "var/log/pacemaker/pacemaker.log"
# The controller of the node on which the operation ran writes this line once for each.
STARTED = re.compile(r"Result of start operation for (\S+) on ")


class Restarted(Exception):
    """A resource was started that nobody broke; the message names it and Pacemaker's reasons."""


class Starts:
    """The starts of these resources on all nodes, and how many of them were expected so far."""

    def __init__(self, cluster: Cluster, resources: Sequence[str]) -> None:
        self.cluster, self.resources = cluster, resources
        self.expected: Counter[str] = Counter()

    def counted(self) -> Counter[str]:
        """How often each was started since the nodes' first boot."""
        found: Counter[str] = Counter()
        for node in self.cluster.bed.nodes:
            path = node.folder / LOG
            text = path.read_text(errors="replace") if path.exists() else ""
            found.update(name for name in STARTED.findall(text) if name in self.resources)
        return found

    def expect(self, *resources: str) -> None:
        """Each of these is started once more."""
        self.expected.update(resources)

    def are_done(self) -> bool:
        """Whether all expected starts have ended. Raises Restarted if there were more."""
        counted = self.counted()
        for name in self.resources:
            if counted[name] > self.expected[name]:
                raise Restarted(
                    f"starts of {name}: {counted[name]}; with a reason: {self.expected[name]};"
                    f" {self._reasons()}"
                )
        return all(counted[name] == self.expected[name] for name in self.resources)

    def _reasons(self) -> str:
        failures = self.cluster.failures()
        said = [f"{each.resource} {each.task} on {each.node}: {each.reason}" for each in failures]
        return "; ".join(said) or "no failure is on record"
