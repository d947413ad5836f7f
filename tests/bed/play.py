"""What the demo does: build a cluster, run a Keystone on it, cause four faults."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests import pace

from .bed import CLIENT, Bed
from .cluster import Cluster
from .keystone import ADDRESS, PASSWORD, STORAGE, Keystone
from .node import leader
from .restarts import Starts
from .timeline import Fault, Timeline
from .tokens import TokenClient, pause

IPADDR2 = f"""\
pcs resource create p_ip ocf:heartbeat:IPaddr2 ip="{ADDRESS}" cidr_netmask="24" \\
  op monitor interval="10s\""""
# The command from the paper that started the project, with the timeout that the agent advertises.
KEYSTONE = """\
pcs resource create p_keystone ocf:openstack:keystone config="/etc/keystone/keystone.conf" \\
  os_password="secret" os_username="admin" os_tenant_name="admin" \\
  os_auth_url="http://192.168.42.103:5000/v2.0/" op monitor interval="30s" timeout="60s\""""
GROUP = "pcs resource group add g_keystone p_ip p_keystone"
FIRST_TOKEN_SECONDS = 120
# A freeze takes longest: up to 30 s to the next monitor, up to 60 s for it, stop and start.
FAULT_SECONDS = 180


class Play:
    """One run of the demo, on a bed that is started and not yet booted."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        self.timeline = Timeline()
        self.cluster = Cluster(bed, self.timeline.say)
        self.starts = Starts(self.cluster, ("p_ip", "p_keystone"))
        self.tokens: TokenClient | None = None

    def run(self) -> None:
        """Run the demo. Raises what the bed raises, TimeoutError if the service stays down, or
        Restarted if something was restarted that the demo had not broken."""
        self.timeline.say(pace.line())
        self.build()
        self.configure()
        self.first_token()
        for fault in (self.kill_daemon, self.freeze_daemon, self.kill_node, self.move):
            fault()
        self.timeline.title("The cluster afterwards")
        self.status()
        self.wait_starts()
        self.timeline.title("Timeline")
        print(self.timeline.table())
        self.timeline.say("Keystone survived all four faults")

    def build(self) -> None:
        """Boot the nodes, and make Keystone's database meanwhile."""
        say = self.timeline.say
        self.timeline.title("A cluster of three nodes, on this machine")
        with ThreadPoolExecutor(1) as pool:
            storage = pool.submit(self.make_storage)
            for node in self.bed.nodes:
                node.boot()
                say(f"{node.name} boots Corosync and Pacemaker; its address is {node.address}")
            self.cluster.wait_online()
            self.cluster.wait_running("fence")
            say(f"three nodes are online, {self.cluster.dc()} is the DC, fencing is enabled")
            say("making Keystone's database (SQLite) and keys on storage that all nodes share")
            storage.result()
        say("the database has user admin, project admin and region RegionOne")

    def make_storage(self) -> None:
        """Make Keystone's data and copy it to where the nodes see it."""
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o711)
            keystone = Keystone(Path(folder))
            keystone.make()
            keystone.copy(self.bed.folder / STORAGE)

    def type(self, line: str) -> None:
        """Run a line in a shell on node-1, as an operator would, and show both."""
        node = self.bed.node(1)
        self.timeline.typed(node.name, line)
        done = node.run("sh", "-c", line, timeout=180)
        self.timeline.output(done.stdout + done.stderr)

    def configure(self) -> None:
        """Create the address and the Keystone, and wait until they run."""
        self.timeline.title("A virtual address and a Keystone, with pcs")
        self.timeline.note(
            "Typed in maintenance mode, so that nothing starts before the group is complete."
            " Clients reach Keystone through the address, so both must run on the same node."
        )
        for line in ("pcs property set maintenance-mode=true", IPADDR2, KEYSTONE, GROUP):
            self.type(line)
        began = time.time()
        self.starts.expect("p_ip", "p_keystone")
        self.type("pcs property set maintenance-mode=false")
        self.wait_starts()
        where = self.cluster.wait_running("p_keystone", deadline=FIRST_TOKEN_SECONDS)
        self.cluster.wait_idle()
        self.timeline.say(f"Keystone runs on {where} after {time.time() - began:.1f} s")
        self.status()

    def status(self) -> None:
        self.type("pcs status")
        self.timeline.note("(pcs asks systemd for the daemon status; these nodes have no systemd.)")

    def first_token(self) -> None:
        """Start the client that asks for tokens from now on."""
        self.timeline.title(f"A client at {CLIENT}, with python-keystoneclient")
        self.tokens = TokenClient(self.bed, f"http://{ADDRESS}:5000/", "admin", PASSWORD, "admin")
        self.wait_token(0)
        self.timeline.say(
            f"first token received; the client now requests one every {pause():.1f} s"
        )

    def wait_token(self, moment: float) -> float:
        """Wait for the token that ends the outage after `moment`; return when it came."""
        assert self.tokens
        tokens = self.tokens
        try:
            found = self.cluster.wait(
                lambda: tokens.back_since(moment), FIRST_TOKEN_SECONDS, "a token"
            )
        except TimeoutError as fault:
            raise TimeoutError(f"{fault}; last error: {tokens.last_error()}") from None
        assert found
        return found.ended

    def wait_starts(self) -> None:
        """Wait until all that was broken has been started again. Raises Restarted if more was."""
        self.cluster.wait(self.starts.are_done, FAULT_SECONDS, f"started: {self.starts.resources}")

    def fault(
        self,
        name: str,
        strike: Callable[[str], float],
        broken: Sequence[str] = ("p_keystone",),
        watched: bool = True,
    ) -> None:
        """Cause a fault on the node that serves; wait until all is well again; record the times.

        `strike` gets the node's name and returns the time of the fault, in seconds since 1970.
        broken: the resources that have to be started again.
        """
        self.cluster.wait_idle()
        before = self.cluster.wait_running("p_keystone")
        self.wait_starts()
        known = self.history()
        self.starts.expect(*broken)
        at = strike(before)
        noticed = None
        if watched:
            self.cluster.wait(
                lambda: self.history() != known, FAULT_SECONDS, "Pacemaker sees the fault"
            )
            noticed = time.time()
            self.timeline.say(f"Pacemaker noticed after {noticed - at:.1f} s and recovers Keystone")
        self.wait_starts()
        self.cluster.wait_idle(FAULT_SECONDS)
        after = self.cluster.wait_running("p_keystone", deadline=FAULT_SECONDS)
        self.wait_token(time.time())  # until then, the last failure may not be recorded yet
        back = self.wait_token(at)
        done = self.cluster.operations("p_keystone", after)
        alone = next((each.seconds for each in done if each.task == "start"), 0.0)
        self.timeline.faults.append(Fault(name, at, noticed, back, before, after, alone))
        self.timeline.say(f"{after} issues tokens, {back - at:.1f} s after the fault")
        for failure in self.cluster.failures("p_keystone"):
            said = failure.reason or f"rc {failure.rc}, {failure.status}"
            self.timeline.say(f"Pacemaker's record: {failure.task} on {failure.node}: {said}")

    def history(self) -> set[object]:
        """Pacemaker's records of Keystone, which change when it acts; a dead node's are dropped."""
        return set(self.cluster.operations("p_keystone"))

    def kill_daemon(self) -> None:
        self.timeline.title("Fault 1: Keystone crashes")

        def strike(where: str) -> float:
            os.kill(leader(self.bed.node(where).processes("keystone-uwsgi.ini")), signal.SIGKILL)
            self.timeline.say(f"sent SIGKILL to Keystone's uwsgi on {where} (its workers end too)")
            self.timeline.note(
                "The monitor runs every 30 s, as typed above. The agent's sentinel does not wait"
                " for the monitor: it reports the crash to Pacemaker at once (crash_detection, on"
                " by default)."
            )
            return time.time()

        self.fault("Keystone crashes", strike)
        crashed = self.timeline.faults[-1]
        whole, alone = crashed.back - crashed.at, crashed.alone
        self.timeline.say(f"Keystone's own start took {alone:.1f} s of these {whole:.1f} s")

    def freeze_daemon(self) -> None:
        self.timeline.title("Fault 2: Keystone hangs")
        self.type("pcs resource cleanup p_keystone")

        def strike(where: str) -> float:
            pids = self.bed.node(where).pids("keystone-uwsgi.ini")
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            self.timeline.say(f"sent SIGSTOP to all {len(pids)} Keystone processes on {where}")
            self.timeline.note(
                "The processes exist and the port accepts connections, but nothing answers. The"
                " next monitor must detect this."
            )
            return time.time()

        self.fault("Keystone hangs", strike)

    def kill_node(self) -> None:
        self.timeline.title("Fault 3: the node dies")
        self.type("pcs resource cleanup p_keystone")
        struck: list[str] = []

        def strike(where: str) -> float:
            struck.append(where)
            at = self.bed.node(where).kill()
            self.timeline.say(f"killed {where}: SIGKILL to its first process")
            return at

        fenced = len(self.bed.fencings())
        self.fault("the node dies", strike, self.starts.resources)
        for record in self.bed.fencings()[fenced:]:
            self.timeline.say(f"{record['node']} was fenced at the request of {record['by']}")
        self.bed.node(struck[0]).boot()
        self.timeline.say(f"{struck[0]} boots again")
        self.cluster.wait_online()
        self.cluster.wait_idle()
        self.timeline.say(f"{struck[0]} is back in the cluster")

    def move(self) -> None:
        self.timeline.title("Fault 4: the operator moves Keystone")

        def strike(where: str) -> float:
            target = next(node.name for node in self.bed.nodes if node.name != where)
            at = time.time()
            self.type(f"pcs resource move p_keystone {target}")
            return at

        self.fault("moved with pcs", strike, self.starts.resources, watched=False)

    def end(self) -> None:
        """End the client; the bed ends with its context."""
        if self.tokens:
            self.tokens.stop()
