"""What Pacemaker on a bed says and does: crm_mon, pcs, the history of operations."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from lxml import etree

from .bed import Bed, BedError
from .configuration import first_cib
from .node import Node, finish
from .waiting import wait_until

# What Pacemaker itself keeps among the cluster's properties.
OWN_PROPERTIES = ("have-watchdog", "dc-version", "cluster-infrastructure")
# The status of a command that was killed; how often, and how soon, it is seen that its node was.
KILLED = -9
LOOKS, LOOK_SECONDS = 20, 0.1


@dataclass(frozen=True)
class Operation:
    """One recorded operation. interval is in ms (0: probe, start or stop), time since 1970 in s,
    and so is how many seconds it took.

    rc is None and is_pending true while it runs. task is "monitor", "start" and so on.
    """

    resource: str
    node: str
    task: str
    interval: int
    rc: int | None
    reason: str
    time: int
    call: int
    is_pending: bool
    seconds: float


@dataclass(frozen=True)
class Failure:
    """A failed action as crm_mon shows it."""

    resource: str
    node: str
    task: str
    interval: int
    rc: int
    reason: str
    status: str


class Cluster:
    """The cluster on a bed; asks whichever node is alive."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed

    def node(self) -> Node:
        """A node that is alive. Raises BedError if all are dead."""
        living = self.bed.living()
        if not living:
            raise BedError("no node is alive")
        return living[0]

    def run(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command on a living node; options and errors as Node.run."""
        return self.node().run(*words, **options)

    def pcs(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run pcs with these words on a living node; options and errors as Node.run."""
        return self.run("pcs", *words, **{"timeout": 180, **options})

    def ask(self, *words: str) -> Any:
        """The XML that a command prints which changes nothing, as an lxml element; of another node
        where the one that is asked first dies meanwhile. Errors as Node.run."""
        for look in count(1):
            node = self.node()
            done = node.run(*words, check=False)
            # only its node's end kills it; whoever keeps the nodes hears of that a moment later
            if done.returncode != KILLED or look > LOOKS:
                break
            time.sleep(LOOK_SECONDS)
        finish(done, words, node.name)
        return etree.fromstring(done.stdout.encode())

    def crm_mon(self) -> Any:
        """crm_mon's whole answer as an lxml element. An offline cluster raises CommandFailed."""
        return self.ask("crm_mon", "--one-shot", "--inactive", "--output-as=xml")

    def cib(self, scope: str = "status") -> Any:
        """A part of the CIB (status, resources, crm_config ...) as an lxml element."""
        return self.ask("cibadmin", "--query", "--scope", scope)

    def online(self) -> set[str]:
        """The names of the nodes that Pacemaker has online; empty while it does not answer."""
        done = self.run("crm_mon", "--one-shot", "--output-as=xml", check=False)
        if done.returncode:
            return set()
        found = etree.fromstring(done.stdout.encode()).findall("nodes/node[@online='true']")
        return {node.get("name") for node in found if node.get("pending") == "false"}

    def wait_online(self, names: Iterable[str] | None = None, deadline: float = 60) -> None:
        """Wait until these nodes (all by default) are online and a DC is elected."""
        wanted = set(names or (node.name for node in self.bed.nodes))
        wait_until(lambda: wanted <= self.online(), deadline, f"online: {sorted(wanted)}")
        wait_until(lambda: self.dc(), deadline, "a DC is elected")

    def boot(self, deadline: float = 60) -> None:
        """Boot the dead nodes, each as soon as the living have done with it, and wait for all.

        A node that boots before they have noticed its death is fenced for that death after it.
        """
        living = self.bed.living()
        for node in self.bed.nodes if living else []:
            if node.name not in {each.name for each in living}:
                wait_until(partial(self.is_over, node.name), deadline, f"{node} is given up")
        self.bed.boot()
        self.wait_online(deadline=deadline)

    def is_over(self, name: str) -> bool:
        """Whether the living know of a node's death, and have fenced it if they have quorum."""
        seen = self.crm_mon()
        quorum = seen.find("summary/current_dc[@with_quorum='true']") is not None
        node = seen.find(f"nodes/node[@name='{name}']")
        if node is None or node.get("online") == "true":
            return node is None
        return not quorum or node.get("unclean") == "false"

    def dc(self) -> str | None:
        """The name of the designated controller, None while there is none."""
        found = self.crm_mon().find("summary/current_dc[@present='true']")
        return None if found is None else found.get("name")

    def is_idle(self) -> bool:
        """Whether there is nothing in hand: no transition, no election, no pending action."""
        dc = self.dc()
        if dc is None:
            return False
        said = self.run("crmadmin", "--status", dc, check=False).stdout
        # A monitor that is degraded (190) from its first run on stays pending on record for ever;
        # a transition that began a monitor lasts until its first result anyway.
        pending = [done for done in self.operations() if done.is_pending and not done.interval]
        return "S_IDLE" in said and not pending

    def wait_idle(self, deadline: float = 120) -> None:
        """Wait until the cluster has nothing in hand."""
        wait_until(self.is_idle, deadline, "the cluster is idle")

    def where(self, resource: str) -> list[str]:
        """The nodes on which Pacemaker has the resource (or a clone's instances) running."""
        nodes = []
        for found in self.crm_mon().iterfind("resources//resource"):
            if found.get("id").split(":")[0] == resource and found.get("active") == "true":
                nodes += [node.get("name") for node in found.iterfind("node")]
        return nodes

    def resource(self, name: str) -> dict[str, str]:
        """crm_mon's attributes of a resource: role, active, failed, blocked, managed, pending..."""
        for found in self.crm_mon().iterfind("resources//resource"):
            if found.get("id").split(":")[0] == name:
                return dict(found.attrib)
        raise KeyError(name)

    def wait_running(self, resource: str, on: str | None = None, deadline: float = 90) -> str:
        """Wait until a resource runs on one node (on that one, if given); return that node."""

        def running() -> str | None:
            nodes = self.where(resource)
            return nodes[0] if len(nodes) == 1 and on in (None, nodes[0]) else None

        where = wait_until(running, deadline, f"{resource} runs on {on or 'one node'}")
        assert where
        return where

    def failures(self, resource: str | None = None) -> list[Failure]:
        """The failed actions that crm_mon lists."""
        found = []
        for failure in self.crm_mon().iterfind("failures/failure"):
            name = failure.get("op_key").rsplit("_", 2)[0]
            if resource in (None, name):
                found.append(
                    Failure(
                        resource=name,
                        node=failure.get("node"),
                        task=failure.get("task"),
                        interval=int(failure.get("interval")),
                        rc=int(failure.get("exitcode")),
                        reason=failure.get("exitreason") or "",
                        status=failure.get("status"),
                    )
                )
        return found

    def operations(self, resource: str | None = None, node: str | None = None) -> list[Operation]:
        """The last of each operation on each node, in the order in which they were called."""
        found = []
        for state in self.cib("status").iterfind("node_state"):
            for history in state.iterfind("lrm/lrm_resources/lrm_resource"):
                if resource in (None, history.get("id")) and node in (None, state.get("uname")):
                    found += [
                        operation(history.get("id"), state.get("uname"), op)
                        for op in history.iterfind("lrm_rsc_op")
                    ]
        return sorted(found, key=lambda done: (done.resource, done.node, done.call))

    def probe(self, resource: str, node: str) -> int | None:
        """What the resource's probe on a node returned, None if there is none on record."""
        # A probe that found it running (0) is recorded as ..._last_0 too, until a start or stop.
        for done in self.operations(resource, node):
            if done.task == "monitor" and done.interval == 0:
                return done.rc
        return None

    def fence_history(self) -> int:
        """How many fencings the cluster itself remembers, of any node."""
        said = self.run("stonith_admin", "--history", "*", "--output-as=xml").stdout
        return len(etree.fromstring(said.encode()).findall(".//fence_event"))

    def reset(self, deadline: float = 180) -> None:
        """Bring the cluster back to what it was after its first boot: all nodes, no resources.

        Dead nodes are booted. Resources are stopped by Pacemaker as they stand, so what breaks
        a stop (and would fence a node) must be mended first.
        """
        if not self.bed.living():
            self.boot(deadline)
        self.unconfigure()
        # Only now: in maintenance mode Pacemaker puts off the fencing that boot() waits for.
        self.boot(deadline)
        wait_until(lambda: not self.leftover(), deadline, "no resource but the fence device")
        self.wait_idle(deadline)
        # The history of resources that are gone, and their fail counts, would outlive them.
        self.run("crm_resource", "--refresh", "--force", timeout=deadline)
        self.run("stonith_admin", "--cleanup", "--history", "*")
        self.wait_idle(deadline)

    def unconfigure(self) -> None:
        """Give the configuration back the content of the first CIB."""
        for name in (node.name for node in self.bed.nodes):
            self.run("crm_attribute", "-N", name, "-n", "standby", "-D", check=False)
            self.run("crm_attribute", "-N", name, "-n", "maintenance", "-D", check=False)
        first = etree.fromstring(first_cib([node.name for node in self.bed.nodes]).encode())
        configuration = first.find("configuration")
        now = self.cib("configuration")
        own = configuration.find("crm_config/cluster_property_set")
        for name in OWN_PROPERTIES:
            own.extend(now.iterfind(f"crm_config//nvpair[@name='{name}']"))
        configuration.replace(configuration.find("nodes"), now.find("nodes"))
        # In one step: without its constraints alone, a resource would first move.
        words = ("cibadmin", "--replace", "--scope", "configuration", "--xml-pipe")
        self.run(*words, stdin=etree.tostring(configuration).decode())

    def leftover(self) -> list[str]:
        """The resources that are still active somewhere, the fence device apart."""
        found = self.crm_mon().iterfind("resources//resource[@active='true']")
        return [each.get("id") for each in found if each.get("id") != "fence"]


def operation(resource: str, node: str, op: Any) -> Operation:
    """Read one lrm_rsc_op element."""
    is_pending = op.get("op-status") == "-1"
    return Operation(
        resource=resource,
        node=node,
        task=op.get("operation"),
        interval=int(op.get("interval")),
        rc=None if is_pending else int(op.get("rc-code")),
        reason=op.get("exit-reason") or "",
        time=int(op.get("last-rc-change") or 0),
        call=int(op.get("call-id")),
        is_pending=is_pending,
        seconds=int(op.get("exec-time") or 0) / 1000,
    )
