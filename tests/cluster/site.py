"""What the tests do to a cluster with a Keystone, and what they ask of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.bed.bed import Bed
from tests.bed.cluster import OWN_PROPERTIES, Cluster, Failure, Operation
from tests.bed.keystone import ADDRESS, PASSWORD, STORAGE
from tests.bed.login import log_in
from tests.bed.node import Node, Process, leader
from tests.bed.waiting import wait_until

DAEMON = "keystone-uwsgi.ini"
KEYSTONE = "p_keystone"
SENTINEL = r"/ocf_lib/.*sentinel\S* keystone/"
LOGIN = (
    f"os_password={PASSWORD}",
    "os_username=admin",
    "os_tenant_name=admin",
    f"os_auth_url=http://{ADDRESS}:5000/v2.0/",
)
# How often the monitor of `serve` runs: what a test waits for it.
INTERVAL = 2
# Properties that no operator sets.
OWN = (*OWN_PROPERTIES, "last-lrm-refresh")
# Pacemaker's daemon that calls agents. pacemakerd ends one that was silent five times in a row,
# and asks every few seconds.
EXECUTOR = "/pacemaker-execd$"
STILL_SECONDS, DEATH_SECONDS = 10.0, 10.0
# From a fault to the end of its recovery, on two busy cores: a Keystone starts in 3 to 12 s.
RECOVERY_SECONDS = 90.0
# Asks one URL; the token comes by standard input.
ASKING = """
import json, sys
import requests
asked = json.load(sys.stdin)
print(requests.get(asked["url"], headers=asked["headers"], timeout=10).status_code)
"""


class Site:
    """A cluster on a bed, as its operator and its users know it."""

    made: dict[str, str] | None = None  # what `serve` last made: see configured()

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        self.cluster = Cluster(bed)
        self.pcs = self.cluster.pcs
        self.fenced = 0
        # of each node, how much was in its log before
        self.logged: dict[str, int] = {}

    def clear(self) -> None:
        """No resources, all nodes; forget the fencings until now."""
        Site.made = None
        self.cluster.reset()
        self.fenced = len(self.bed.fencings())

    def serve(self) -> None:
        """The address and the Keystone in a group, monitored each INTERVAL seconds."""
        if Site.made is None or len(self.bed.living()) < 3 or self.configured() != Site.made:
            self.clear()
            self.create_group(f"interval={INTERVAL}s", "timeout=20s")
            Site.made = self.configured()
        if self.cluster.failures():
            self.pcs("resource", "cleanup")
        self.wait_healthy()
        self.fenced = len(self.bed.fencings())

    def create_group(self, *monitor: str) -> None:
        """Keystone is created in the group of its address, so it starts where that is."""
        address = ("ocf:heartbeat:IPaddr2", f"ip={ADDRESS}", "cidr_netmask=24")
        self.pcs("resource", "create", "p_ip", *address, "--group", "g_keystone")
        keystone = ("ocf:openstack:keystone", *LOGIN, "op", "monitor", *monitor)
        self.pcs("resource", "create", KEYSTONE, *keystone, "--group", "g_keystone")

    def configured(self) -> dict[str, str]:
        """All options, rules and attributes in the CIB, by their id."""
        found = self.cluster.cib("configuration").iter()
        return {
            each.get("id"): json.dumps(dict(each.attrib))
            for each in found
            # nothing but an id: a set that is empty now
            if {"id"} < set(each.keys()) and each.get("name") not in OWN
        }

    def assure_start_on_record(self) -> None:
        """Restart Keystone if its last operation was a probe.

        Pacemaker 2.1.5 notes with a start which parameters force a restart, and with a probe that
        finds a resource running not: after a refresh any change of a parameter restarts it.
        """
        if "start" not in {
            each.task for each in self.cluster.operations(KEYSTONE, str(self.where()))
        }:
            self.pcs("resource", "restart", KEYSTONE)
            self.wait_healthy()

    def wait_healthy(self, on: str | None = None) -> str:
        """Wait until Keystone runs, its last monitor was well and nothing is in hand.

        Return the node.
        """
        where = self.cluster.wait_running(KEYSTONE, on, RECOVERY_SECONDS)
        self.wait_monitor(0)
        self.cluster.wait_idle(RECOVERY_SECONDS)
        return where

    def wait_probes(self, *nodes: Node, code: int) -> None:
        """Wait until Keystone's last probe on these nodes has said this."""

        def probed() -> bool:
            return {self.cluster.probe(KEYSTONE, node.name) for node in nodes} == {code}

        wait_until(probed, RECOVERY_SECONDS, f"probes on {nodes} say {code}")

    def wait_monitor(self, code: int, resource: str = KEYSTONE) -> Operation:
        """Wait until the last recurring monitor ended with this code; return it."""
        what = f"the monitor of {resource} says {code}"

        def judged() -> Operation | None:
            # A failure stands beside the last success of the same call until a new one begins.
            done = sorted(self.monitors(resource), key=lambda each: (each.call, each.rc or 0))
            return done[-1] if done and done[-1].rc == code else None

        found = wait_until(judged, RECOVERY_SECONDS, what)
        assert found
        return found

    def monitors(self, resource: str = KEYSTONE) -> list[Operation]:
        """The recurring monitors on record where the resource runs."""
        where = self.cluster.where(resource)
        done = [each for node in where for each in self.cluster.operations(resource, node)]
        return [each for each in done if each.task == "monitor" and each.interval]

    def wait_failure(self, resource: str = KEYSTONE) -> Failure:
        """Wait for a failure of the resource; return the first that crm_mon lists."""
        failures = wait_until(
            lambda: self.cluster.failures(resource), RECOVERY_SECONDS, f"{resource} fails"
        )
        return failures[0]

    def where(self) -> Node:
        """The node that Keystone runs on."""
        return self.bed.node(self.cluster.wait_running(KEYSTONE))

    def others(self) -> list[Node]:
        """The nodes that Keystone does not run on."""
        return [node for node in self.bed.nodes if node.name not in self.cluster.where(KEYSTONE)]

    def detect_crashes(self, wanted: bool) -> None:
        """Set the parameter, and wait until it has taken effect where Keystone runs."""
        value = "" if wanted else "false"  # the default is true
        self.pcs("resource", "update", KEYSTONE, f"crash_detection={value}")
        wait_until(lambda: bool(self.sentinels()) == wanted, RECOVERY_SECONDS, "it takes effect")
        self.cluster.wait_idle()

    def sentinels(self) -> list[int]:
        """PIDs of what waits for the daemon's end, on all nodes."""
        return [pid for node in self.bed.nodes for pid in node.pids(SENTINEL)]

    def processes(self, pattern: str = DAEMON) -> list[Process]:
        """Those of the daemon, on all nodes."""
        return [process for node in self.bed.nodes for process in node.processes(pattern)]

    def pids(self) -> list[int]:
        return [process.pid for process in self.processes()]

    def leader(self, node: Node | None = None) -> int:
        """The PID of the daemon's parent process, on one node."""
        return leader(node.processes(DAEMON) if node else self.processes())

    def crash(self, node: Node | None = None) -> int:
        """SIGKILL to the daemon's parent, with which its workers end, between two monitors: one
        that comes while they die may say 1, and rightly. Return its PID."""
        node = node or self.where()
        crashed = self.leader(node)
        with self.unwatched(node):
            os.kill(crashed, signal.SIGKILL)
            wait_until(lambda: not node.pids(DAEMON), DEATH_SECONDS, f"all of {crashed} are gone")
        return crashed

    @contextlib.contextmanager
    def unwatched(self, node: Node) -> Iterator[None]:
        """No agent runs on the node meanwhile: the part of Pacemaker that calls them stands still,
        and those that it had called are done."""
        (executor,) = node.pids(EXECUTOR)

        def is_still() -> bool:
            is_stopped = psutil.Process(executor).status() == psutil.STATUS_STOPPED
            return is_stopped and executor not in {each.parent for each in node.processes()}

        os.kill(executor, signal.SIGSTOP)
        try:
            wait_until(is_still, STILL_SECONDS, f"no agent runs on {node}")
            yield
        finally:
            os.kill(executor, signal.SIGCONT)

    def token(self, address: str = ADDRESS) -> tuple[str, str]:
        """Log in as a client, through the virtual address: the API's version and the token."""
        return log_in(self.bed, address)

    def assert_served(self) -> None:
        """A user of the cluster gets a token."""
        version, token = self.token()
        assert version == "v3"
        assert token

    def accepts(self, address: str, token: str) -> bool:
        """Whether the Keystone at an address takes this token for one of its own."""
        headers = {"X-Auth-Token": token, "X-Subject-Token": token}
        asked = {"url": f"http://{address}:5000/v3/auth/tokens", "headers": headers}
        words = ("/usr/bin/python3", "-c", ASKING)
        return self.bed.client(*words, stdin=json.dumps(asked)).stdout.strip() == "200"

    def shared(self, path: str) -> Path:
        """What all nodes see at a path below /etc/keystone."""
        return self.bed.folder / STORAGE / "etc" / path

    def state(self, node: Node, kind: str = "", resource: str = KEYSTONE) -> Path:
        """The agent's state file of that kind on a node, seen from the host."""
        root = Path(f"/proc/{node.pid()}/root/run/resource-agents/openstack")
        return root / f"keystone@{resource}.{kind}" if kind else root

    def assert_quiet(self, fenced: tuple[str, ...] = ()) -> None:
        """The end of a test: the cluster has nothing in hand, and fenced just these nodes."""
        self.cluster.wait_idle(RECOVERY_SECONDS)
        assert [each["node"] for each in self.bed.fencings()[self.fenced :]] == list(fenced)
