"""Controls and checks two nodes on which Heartbeat runs a Keystone."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tests.bed.bed import Bed
from tests.bed.heartbeat import Heartbeat, write
from tests.bed.keystone import ADDRESS, PASSWORD, URL
from tests.bed.login import log_in
from tests.bed.node import CommandFailed, Node
from tests.bed.waiting import wait_until

DAEMON = "keystone-uwsgi.ini"
SENTINEL = r"/ocf_lib/.*sentinel\S* keystone/"
KEYSTONE = "p_keystone"
SHIM = "/etc/ha.d/resource.d/openstack-keystone"
CONFIGURATION = f"openstack/{KEYSTONE}.conf"
SECRET = f"os_password = {PASSWORD}\n"
LOGIN = f"os_username=admin::os_tenant_name=admin::os_auth_url={URL}"
# If both nodes start together, the group runs on node-1.
HARESOURCES = f"node-1 IPaddr2::{ADDRESS}/24/eth0 openstack-keystone::{KEYSTONE}::{LOGIN}\n"
# Limit in seconds from an order or a fault until Heartbeat is done, on two busy cores: a stop and a
# start take 3 to 15 s.
MOVE_SECONDS, PAUSE = 90.0, 0.5


class Pair:
    """Two nodes of a bed, and a group (virtual address and Keystone) on one of them."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        self.heartbeat = Heartbeat(bed)

    def configure(self) -> None:
        """Write the configuration of the group to all nodes."""
        self.heartbeat.write("haresources", HARESOURCES)
        self.heartbeat.write(CONFIGURATION, SECRET, 0o600)

    def mend(self) -> None:
        """Restore the healthy state: Heartbeat runs on both nodes and is idle, one node serves."""
        self.configure()
        self.bed.boot()
        for node in self.bed.nodes:
            if not self.heartbeat.runs(node):
                self.heartbeat.start(node)
        self.heartbeat.wait_settled(deadline=MOVE_SECONDS)
        with suppress(TimeoutError):
            wait_until(self.serving, 2, "one node serves")
            return
        # the previous test left a broken cluster: restart Heartbeat, as an operator would
        for node in self.bed.nodes:
            self.heartbeat.stop(node)
        for node in self.bed.nodes:
            self.heartbeat.start(node)
        self.wait_serving()

    def serving(self) -> Node | None:
        """The node that has both address and daemon, if no other node has either; else None."""
        living = self.bed.living()
        having = [node for node in living if self.has_address(node) or node.pids(DAEMON)]
        whole = [node for node in having if self.has_address(node) and node.pids(DAEMON)]
        return whole[0] if len(whole) == len(having) == 1 else None

    def wait_serving(self, on: Node | None = None) -> Node:
        """Wait until one node serves (`on` if given), Heartbeat is idle on every living node, and a
        client gets a token. Return the serving node."""

        def serves() -> Node | None:
            found = self.serving()
            return found if found and (on is None or found.name == on.name) else None

        def is_token() -> str:
            with suppress(CommandFailed):
                return self.token()
            return ""

        what = f"{on or 'one node'} serves"
        wait_until(serves, MOVE_SECONDS, what, PAUSE)
        running = [node for node in self.bed.living() if self.heartbeat.runs(node)]
        self.heartbeat.wait_settled(running, MOVE_SECONDS)
        found = serves()
        assert found, f"once Heartbeat has nothing in hand, {what}"
        wait_until(is_token, MOVE_SECONDS, "a client gets a token", PAUSE)
        return found

    def roles(self) -> tuple[Node, Node]:
        """The node that serves, and the other node."""
        active = self.serving()
        assert active
        (other,) = [node for node in self.bed.nodes if node.name != active.name]
        return active, other

    def has_address(self, node: Node) -> bool:
        # `ip address` would tell this too, but each call takes three processes
        return f" {ADDRESS}\n" in Path(f"/proc/{node.pid()}/net/fib_trie").read_text()

    def token(self) -> str:
        """The token that a client gets through the virtual address."""
        return log_in(self.bed)[1]

    def call(self, node: Node, action: str) -> tuple[str, int]:
        """Call the shim as Heartbeat does; return its standard output and exit code."""
        words = (SHIM, KEYSTONE, *LOGIN.split("::"), action)
        done = node.run(*words, check=False)
        return done.stdout, done.returncode

    def spoil(self, node: Node) -> None:
        """Make each start of Keystone fail on this node."""
        write(node, CONFIGURATION, f"{SECRET}binary = /usr/bin/no-keystone\n", 0o600)

    def assert_clean(self, node: Node) -> None:
        """Assert that nothing of the group is left on the node."""
        assert node.pids(DAEMON) == []
        assert node.pids(SENTINEL) == []
        assert not self.has_address(node)
        assert self.call(node, "status") == ("stopped\n", 3)
