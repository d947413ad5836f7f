"""The faults of a cloud: each strikes, is over once the cluster has handled it, and is undone."""

from __future__ import annotations

import os
import signal
import time

from tests.bed.node import Node, leader
from tests.bed.waiting import wait_until

from .client import Question
from .target import Target, daemon

# A MAC address that no card has: packets to it are lost without an error.
NOWHERE = "02:00:00:00:00:00"
# Time limit for a booted node to have all its services, started in parallel on two cores.
WHOLE_SECONDS = 400.0
HOLDER, COORDINATOR, OTHER = "with the address", "the DC", "another node"


class Fault:
    """A fault that can strike the cloud; one at a time.

    on: the node to strike, HOLDER, COORDINATOR or OTHER. These are three different nodes: if the
    coordinator has the address, the address is moved away first.
    """

    name = ""

    def __init__(self, target: Target, on: str = HOLDER) -> None:
        self.target, self.cluster, self.on = target, target.cluster, on
        self.whole = target.running()
        self.fenced = 0

    @property
    def title(self) -> str:
        return self.name

    def holder(self) -> str:
        """Return the name of the node that has the address."""
        return self.cluster.wait_running(self.target.address)

    def place(self) -> Node:
        """Return the node to strike."""
        coordinator = self.cluster.dc()
        assert coordinator
        others = [node.name for node in self.target.bed.nodes if node.name != coordinator]
        if self.holder() == coordinator:
            self.cluster.pcs("resource", "move", self.target.address, others[0])
            self.wait_whole()
        holder = self.holder()
        neither = next(name for name in others if name != holder)
        found = {HOLDER: holder, COORDINATOR: coordinator, OTHER: neither}
        return self.target.bed.node(found[self.on])

    @property
    def is_told(self) -> bool:
        """Do the survivors' logs show how the outage divides (see shares.py)?"""
        return False

    def prepare(self) -> None:
        """Do everything that comes before the fault and may take time."""
        self.node = self.place()
        self.fenced = len(self.target.bed.fencings())

    def strike(self) -> float:
        """Strike; return the time of the fault, in seconds since 1970."""
        raise NotImplementedError

    def is_over(self) -> bool:
        """Has the cluster finished handling the fault?"""
        raise NotImplementedError

    def mend(self) -> None:
        """Take the fault back, even if it is not over."""
        self.cluster.pcs("resource", "cleanup")

    def undo(self) -> None:
        """Restore the cloud. Raises TimeoutError if it does not become as it was."""
        self.mend()
        self.wait_whole()

    def is_whole(self) -> bool:
        return self.target.running() == self.whole and self.cluster.is_idle()

    def wait_whole(self) -> None:
        """Wait until everything that ran at the beginning runs and the cluster is idle."""

        wait_until(self.is_whole, WHOLE_SECONDS, "everything that ran before runs again", 0.5)


class _Daemon(Fault):
    """Something happens to one of the daemons that answer a question."""

    def __init__(self, target: Target, question: Question, on: str = HOLDER) -> None:
        super().__init__(target, on)
        self.question = question
        self.old: list[int] = []

    @property
    def title(self) -> str:
        return f"{self.name}: {self.question.agent}"

    def pids(self) -> list[int]:
        return [process.pid for process in daemon(self.node, self.question)]

    def prepare(self) -> None:
        super().prepare()
        self.old = self.pids()
        assert self.old, f"no {self.question.resource} runs on {self.node}"

    def is_over(self) -> bool:
        now = self.pids()
        return bool(now) and not set(now) & set(self.old) and self.is_whole()


class DaemonKilled(_Daemon):
    name = "daemon killed"

    def strike(self) -> float:
        victim = leader(daemon(self.node, self.question))
        at = time.time()
        os.kill(victim, signal.SIGKILL)
        return at


class DaemonFrozen(_Daemon):
    name = "daemon frozen"

    def strike(self) -> float:
        at = time.time()
        for pid in self.old:
            os.kill(pid, signal.SIGSTOP)
        return at


class _Deadly(Fault):
    """The other nodes lose contact with a node and fence it."""

    @property
    def title(self) -> str:
        return f"{self.name}, {self.on}"

    def is_over(self) -> bool:
        fencings = self.target.bed.fencings()[self.fenced :]
        is_gone = any(each["node"] == self.node.name for each in fencings)
        where = self.cluster.where(self.target.address)
        has_moved = len(where) == 1 and where != [self.node.name]
        return is_gone and has_moved and self.cluster.is_idle()

    def mend(self) -> None:
        self.cluster.boot()
        super().mend()


class NodeKilled(_Deadly):
    name = "node killed"

    @property
    def is_told(self) -> bool:
        return self.on == HOLDER

    def strike(self) -> float:
        return self.node.kill()


class NetworkCut(_Deadly):
    """The node and the other nodes cannot reach each other; the client and all other machines still
    reach every node."""

    name = "network cut"

    def strike(self) -> float:
        at = time.time()
        for other in self.others():
            lose(self.node, other)
            lose(other, self.node)
        return at

    def others(self) -> list[Node]:
        return [node for node in self.target.bed.nodes if node.name != self.node.name]

    def mend(self) -> None:
        for other in self.others():
            words = ("ip", "neighbour", "delete", self.node.address, "dev", "eth0")
            other.run(*words, check=False)
        super().mend()


def lose(sender: Node, receiver: Node) -> None:
    """Drop everything that `sender` sends to `receiver` from now on."""
    words = ("ip", "neighbour", "replace", receiver.address, "lladdr", NOWHERE)
    sender.run(*words, "nud", "permanent", "dev", "eth0")


class Standby(Fault):
    name = "node standby"

    def strike(self) -> float:
        at = time.time()
        self.cluster.pcs("node", "standby", self.node.name)
        return at

    def is_over(self) -> bool:
        left = self.cluster.where(self.target.address)
        return left != [] and left != [self.node.name] and self.cluster.is_idle()

    def mend(self) -> None:
        self.cluster.pcs("node", "unstandby", self.node.name)
        super().mend()


class Moved(Fault):
    name = "pcs resource move"

    def strike(self) -> float:
        # the address keeps away from the coordinator
        away = (self.node.name, self.cluster.dc())
        target = next(node.name for node in self.target.bed.nodes if node.name not in away)
        at = time.time()
        self.cluster.pcs("resource", "move", self.target.address, target)
        return at

    def is_over(self) -> bool:
        left = self.cluster.where(self.target.address)
        return left != [] and left != [self.node.name] and self.is_whole()
