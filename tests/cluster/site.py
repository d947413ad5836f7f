"""What the tests do to a cluster with a Keystone, and what they check on it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests import pace
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
# The interval of the monitor that `serve` creates; a test waits up to this long for it.
INTERVAL = 2
# Properties that no operator sets.
OWN = (*OWN_PROPERTIES, "last-lrm-refresh")
# Pacemaker's daemon that calls agents. pacemakerd asks its daemons every few seconds, and ends one
# that was silent five times in a row.
EXECUTOR = "/pacemaker-execd$"
STILL_SECONDS, DEATH_SECONDS = 10.0, 10.0
# From a fault to the end of its recovery, on two busy cores: a Keystone starts in 3 to 12 s.
RECOVERY_SECONDS = 90.0
# Requests one URL; the token comes on standard input.
ASKING = """
import json, sys
import requests
asked = json.load(sys.stdin)
print(requests.get(asked["url"], headers=asked["headers"], timeout=asked["timeout"]).status_code)
"""


class Site:
    """A cluster on a bed, as its operator and its users see it."""

    made: dict[str, str] | None = None  # configured() after `serve` last made the group

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        self.cluster = Cluster(bed)
        self.pcs = self.cluster.pcs
        self.fenced = 0
        # the size of each node's log when the test began
        self.logged: dict[str, int] = {}

    def clear(self) -> None:
        """Remove all resources, bring all nodes online, forget all fencings so far."""
        Site.made = None
        self.cluster.reset()
        self.fenced = len(self.bed.fencings())

    def serve(self) -> None:
        """Run the address and Keystone in a group, monitored every INTERVAL seconds."""
        if Site.made is None or len(self.bed.living()) < 3 or self.configured() != Site.made:
            self.clear()
            self.create_group(f"interval={INTERVAL}s", "timeout=20s")
            Site.made = self.configured()
        if self.cluster.failures():
            self.pcs("resource", "cleanup")
            self.cluster.wait_idle(RECOVERY_SECONDS)  # the probes that follow
        self.wait_healthy()
        self.fenced = len(self.bed.fencings())

    def create_group(self, *monitor: str) -> None:
        """Create the address, and Keystone in its group, so that both start on the same node."""
        address = ("ocf:heartbeat:IPaddr2", f"ip={ADDRESS}", "cidr_netmask=24")
        self.pcs("resource", "create", "p_ip", *address, "--group", "g_keystone")
        keystone = ("ocf:openstack:keystone", *LOGIN, "op", "monitor", *monitor)
        self.pcs("resource", "create", KEYSTONE, *keystone, "--group", "g_keystone")

    def configured(self) -> dict[str, str]:
        """All options, rules and attributes in the CIB, by their ID."""
        found = self.cluster.cib("configuration").iter()
        return {
            each.get("id"): json.dumps(dict(each.attrib))
            for each in found
            # an element with only an ID is a set that is empty now
            if {"id"} < set(each.keys()) and each.get("name") not in OWN
        }

    def assure_start_on_record(self) -> None:
        """Restart Keystone if its last operation was a probe.

        Pacemaker 2.1.5 records with a start which parameters force a restart, but not with a probe
        that finds the resource running: after a refresh, any changed parameter restarts it.
        """
        if "start" not in {
            each.task for each in self.cluster.operations(KEYSTONE, str(self.where()))
        }:
            self.pcs("resource", "restart", KEYSTONE)
            self.wait_healthy()

    def wait_healthy(self, on: str | None = None) -> str:
        """Wait until Keystone runs, its last monitor succeeded and the cluster is idle.

        Return the node's name.
        """
        where = self.cluster.wait_running(KEYSTONE, on, RECOVERY_SECONDS)
        self.wait_monitor(0)
        self.cluster.wait_idle(RECOVERY_SECONDS)
        return where

    def wait_probes(self, *nodes: Node, code: int) -> None:
        """Wait until Keystone's last probe returned `code` on each of these nodes."""

        def probed() -> bool:
            return {self.cluster.probe(KEYSTONE, node.name) for node in nodes} == {code}

        wait_until(probed, RECOVERY_SECONDS, f"probes on {nodes} say {code}")

    def wait_monitor(self, code: int, resource: str = KEYSTONE) -> Operation:
        """Wait until the last recurring monitor ended with this code; return that monitor."""
        what = f"the monitor of {resource} says {code}"

        def judged() -> Operation | None:
            # A failure stays on record beside the last success of the same call until a new call.
            done = sorted(self.monitors(resource), key=lambda each: (each.call, each.rc or 0))
            return done[-1] if done and done[-1].rc == code else None

        found = wait_until(judged, RECOVERY_SECONDS, what)
        assert found
        return found

    def monitors(self, resource: str = KEYSTONE) -> list[Operation]:
        """The recurring monitors on record, of the nodes where the resource runs."""
        where = self.cluster.where(resource)
        done = [each for node in where for each in self.cluster.operations(resource, node)]
        return [each for each in done if each.task == "monitor" and each.interval]

    def wait_failure(self, resource: str = KEYSTONE) -> Failure:
        """Wait for a failure of the resource; return the first that crm_mon lists."""
        failures = wait_until(
            lambda: self.cluster.faults(resource), RECOVERY_SECONDS, f"{resource} fails"
        )
        return failures[0]

    def where(self) -> Node:
        """The node on which Keystone runs."""
        return self.bed.node(self.cluster.wait_running(KEYSTONE))

    def others(self) -> list[Node]:
        """The nodes on which Keystone does not run."""
        return [node for node in self.bed.nodes if node.name not in self.cluster.where(KEYSTONE)]

    def detect_crashes(self, wanted: bool) -> None:
        """Set crash_detection, and wait until it has taken effect on Keystone's node."""
        value = "" if wanted else "false"  # the default is true
        self.pcs("resource", "update", KEYSTONE, f"crash_detection={value}")
        wait_until(lambda: bool(self.sentinels()) == wanted, RECOVERY_SECONDS, "it takes effect")
        self.cluster.wait_idle()

    def sentinels(self) -> list[int]:
        """The PIDs of the sentinels, which wait for the daemon's end, on all nodes."""
        return [pid for node in self.bed.nodes for pid in node.pids(SENTINEL)]

    def processes(self, pattern: str = DAEMON) -> list[Process]:
        """The daemon's processes on all nodes."""
        return [process for node in self.bed.nodes for process in node.processes(pattern)]

    def pids(self) -> list[int]:
        return [process.pid for process in self.processes()]

    def leader(self, node: Node | None = None) -> int:
        """The PID of the daemon's parent process, on `node` or on the only node that runs it."""
        return leader(node.processes(DAEMON) if node else self.processes())

    def crash(self, node: Node | None = None) -> int:
        """Kill the daemon's parent (its workers end with it) between two monitors; return its PID.

        A monitor that runs while the workers die may correctly return 1 instead of 7.
        """
        node = node or self.where()
        crashed = self.leader(node)
        with self.unwatched(node):
            os.kill(crashed, signal.SIGKILL)
            wait_until(lambda: not node.pids(DAEMON), DEATH_SECONDS, f"all of {crashed} are gone")
        return crashed

    @contextlib.contextmanager
    def unwatched(self, node: Node) -> Iterator[None]:
        """Let no agent run on the node meanwhile: Pacemaker's executor, which calls agents, is
        stopped, and the agents that it had called have ended."""
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
        """Log in as a client at `address`; return the API's version and the token."""
        return log_in(self.bed, address)

    def assert_served(self) -> None:
        """Assert that a user of the cluster gets a token."""
        version, token = self.token()
        assert version == "v3"
        assert token

    def accepts(self, address: str, token: str) -> bool:
        """Whether the Keystone at an address accepts this token."""
        headers = {"X-Auth-Token": token, "X-Subject-Token": token}
        asked = {
            "url": f"http://{address}:5000/v3/auth/tokens",
            "headers": headers,
            "timeout": pace.seconds(10),
        }
        words = ("/usr/bin/python3", "-c", ASKING)
        return self.bed.client(*words, stdin=json.dumps(asked)).stdout.strip() == "200"

    def shared(self, path: str) -> Path:
        """The host's path of a file below /etc/keystone that all nodes share."""
        return self.bed.folder / STORAGE / "etc" / path

    def state(self, node: Node, kind: str = "", resource: str = KEYSTONE) -> Path:
        """The agent's state file of this kind on a node, or their folder, as a path on the host."""
        root = Path(f"/proc/{node.pid()}/root/run/resource-agents/openstack")
        return root / f"keystone@{resource}.{kind}" if kind else root

    def kept_token(self, node: Node) -> Path:
        """The only token that is kept on a node, as a path on the host."""
        (found,) = self.state(node).glob("account-*.token")
        return found

    def assert_quiet(self, fenced: tuple[str, ...] = ()) -> None:
        """Assert at a test's end that the cluster is idle and has fenced exactly these nodes."""
        self.cluster.wait_idle(RECOVERY_SECONDS)
        assert [each["node"] for each in self.bed.fencings()[self.fenced :]] == list(fenced)
