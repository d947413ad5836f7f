"""Pacemaker on a bed: crm_mon, pcs, the CIB and the history of operations."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from lxml import etree

from tests import pace

from .bed import Bed, BedError
from .configuration import first_cib
from .node import Node, finish
from .waiting import silent, wait_until

# The cluster properties that Pacemaker sets itself.
OWN_PROPERTIES = ("have-watchdog", "dc-version", "cluster-infrastructure")
# What a monitor returns if the service is degraded.
DEGRADED = 190
# The status of a command that died with its node; how often, and after how long, it is repeated.
KILLED = -9
LOOKS, LOOK_SECONDS = 20, 0.1


@dataclass(frozen=True)
class Operation:
    """One recorded operation.

    task is "monitor", "start" and so on. interval is in ms (0: probe, start or stop). time is in
    seconds since 1970; seconds is how long it took. While it runs, rc is None and is_pending true.
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
    """The cluster on a bed. Its commands run on a node that is alive.

    say: called with a line about each wait that took longer than on a quiet machine.
    """

    def __init__(self, bed: Bed, say: Callable[[str], None] = silent) -> None:
        self.bed = bed
        self.wait = partial(wait_until, say=say)

    def node(self) -> Node:
        """A node that is alive. Raises BedError if all are dead."""
        living = self.bed.living()
        if not living:
            raise BedError("no node is alive")
        return living[0]

    def run(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command on a living node; options and errors as in Node.run."""
        return self.node().run(*words, **options)

    def pcs(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run pcs with these words on a living node; options and errors as in Node.run."""
        return self.run("pcs", *words, **{"timeout": 180, **options})

    def ask(self, *words: str) -> Any:
        """Run a read-only command; return the XML that it prints, as an lxml element.

        If the node dies meanwhile, the command runs on another. Errors as in Node.run.
        """
        for look in count(1):
            node = self.node()
            done = node.run(*words, check=False)
            # only the node's death kills the command; the supervisor learns of it a moment later
            if done.returncode != KILLED or look > LOOKS:
                break
            time.sleep(LOOK_SECONDS)
        finish(done, words, node.name)
        return etree.fromstring(done.stdout.encode())

    def crm_mon(self) -> Any:
        """crm_mon's whole output as an lxml element.

        Raises CommandFailed if the cluster is offline.
        """
        return self.ask("crm_mon", "--one-shot", "--inactive", "--output-as=xml")

    def cib(self, scope: str = "status") -> Any:
        """A part of the CIB (status, resources, crm_config ...) as an lxml element."""
        return self.ask("cibadmin", "--query", "--scope", scope)

    def online(self) -> set[str]:
        """The names of the nodes that Pacemaker shows online; empty while it does not answer."""
        done = self.run("crm_mon", "--one-shot", "--output-as=xml", check=False)
        if done.returncode:
            return set()
        found = etree.fromstring(done.stdout.encode()).findall("nodes/node[@online='true']")
        return {node.get("name") for node in found if node.get("pending") == "false"}

    def wait_online(self, names: Iterable[str] | None = None, deadline: float = 60) -> None:
        """Wait until these nodes (all by default) are online and a DC is elected."""
        wanted = set(names or (node.name for node in self.bed.nodes))
        self.wait(lambda: wanted <= self.online(), deadline, f"nodes are online: {sorted(wanted)}")
        self.wait(lambda: self.dc(), deadline, "a DC is elected")

    def boot(self, deadline: float = 60) -> None:
        """Boot each dead node once the living nodes have dealt with its death; wait for all.

        A node that boots before the others have noticed its death is fenced after the boot.
        """
        living = self.bed.living()
        for node in self.bed.nodes if living else []:
            if node.name not in {each.name for each in living}:
                self.wait(partial(self.is_over, node.name), deadline, f"{node} counts as dead")
        self.bed.boot()
        self.wait_online(deadline=deadline)

    def is_over(self, name: str) -> bool:
        """Whether the living nodes know of a node's death and, with quorum, have fenced it."""
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
        """Whether the cluster is idle: no transition, no election, no pending action."""
        dc = self.dc()
        if dc is None:
            return False
        said = self.run("crmadmin", "--status", dc, check=False).stdout
        # A monitor that is degraded (190) from its first run stays recorded as pending for ever.
        # A transition that starts a monitor lasts until its first result anyway.
        pending = [done for done in self.operations() if done.is_pending and not done.interval]
        return "S_IDLE" in said and not pending

    def wait_idle(self, deadline: float = 120) -> None:
        """Wait until the cluster is idle."""
        self.wait(self.is_idle, deadline, "the cluster is idle")

    def where(self, resource: str) -> list[str]:
        """The nodes on which Pacemaker shows the resource (or a clone's instances) running."""
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
        """Wait until a resource runs on exactly one node (`on`, if given); return that node."""

        def running() -> str | None:
            nodes = self.where(resource)
            return nodes[0] if len(nodes) == 1 and on in (None, nodes[0]) else None

        where = self.wait(running, deadline, f"{resource} runs on {on or 'one node'}")
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

    def faults(self, resource: str | None = None) -> list[Failure]:
        """The failures but those of a busy machine, on which a service may be late: degraded."""
        passed = DEGRADED if pace.RUN.most >= pace.BUSY else None
        return [failure for failure in self.failures(resource) if failure.rc != passed]

    def operations(self, resource: str | None = None, node: str | None = None) -> list[Operation]:
        """The latest run of each operation, sorted by resource, node and call."""
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
        """What the resource's probe on a node returned, None if no probe is on record."""
        # A probe that found the resource running (0) is also recorded as ..._last_0, until a
        # start or stop.
        for done in self.operations(resource, node):
            if done.task == "monitor" and done.interval == 0:
                return done.rc
        return None

    def fence_history(self) -> int:
        """How many fencings the cluster itself has on record, for all nodes."""
        said = self.run("stonith_admin", "--history", "*", "--output-as=xml").stdout
        return len(etree.fromstring(said.encode()).findall(".//fence_event"))

    def reset(self, deadline: float = 180) -> None:
        """Return the cluster to its state after the first boot: all nodes, no resources.

        Dead nodes are booted. Pacemaker stops the resources, so first repair whatever would make
        a stop fail, because that would fence the node.
        """
        if not self.bed.living():
            self.boot(deadline)
        self.unconfigure()
        # Only now: maintenance mode delays the fencing, and boot() waits for it.
        self.boot(deadline)
        self.wait(lambda: not self.leftover(), deadline, "only the fence device is active")
        self.wait_idle(deadline)
        # Otherwise the history and fail counts of removed resources would stay.
        self.run("crm_resource", "--refresh", "--force", timeout=deadline)
        self.run("stonith_admin", "--cleanup", "--history", "*")
        self.wait_idle(deadline)

    def unconfigure(self) -> None:
        """Restore the configuration of the first CIB."""
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
        # In one step: a resource that loses only its constraints would move first.
        words = ("cibadmin", "--replace", "--scope", "configuration", "--xml-pipe")
        self.run(*words, stdin=etree.tostring(configuration).decode())

    def leftover(self) -> list[str]:
        """The resources that are still active somewhere, except the fence device."""
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
