"""Heartbeat on a bed: its packages, its ha.cf, its commands and its logs.

Source: ha.cf(5), authkeys(5); ResourceManager, hb_standby and hb_takeover of heartbeat 3.0.6.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from .bed import Bed
from .node import Node
from .software import NEEDS, PRIVATE, Software
from .waiting import wait_until

ETC = "etc/ha.d"
LOG, DEBUG_LOG = "var/log/ha-log", "var/log/ha-debug"
# A node that is silent for deadtime counts as dead. 4 s tolerate a CI machine that its own host
# stops for a while; a false alarm here runs a service twice. Nodes that boot together find each
# other at once, so a longer initdead costs nothing. Each then waits 10 s (compiled in) for the
# other to take its resources first.
HA_CF = """\
logfile /{log}
debugfile /{debug_log}
logfacility none
keepalive 200ms
warntime 2
deadtime 4
initdead 30
udpport 694
{links}
auto_failback off
autojoin none
node {names}
"""
AUTHKEYS = "auth 1\n1 sha1 not-a-secret\n"
# What `cl_status rscstatus` says on a node that is idle.
SETTLED = ("none", "local", "foreign", "all")
INIT = "/etc/init.d/heartbeat"
TOOLS = "/usr/share/heartbeat"


def configure(bed: Bed) -> None:
    """Give each node its own /etc/ha.d: the host's files, then those of the bed's layers (from
    `make install`), then ha.cf and authkeys."""
    links = "\n".join(f"ucast eth0 {node.address}" for node in bed.nodes)
    names = " ".join(node.name for node in bed.nodes)
    text = HA_CF.format(log=LOG, debug_log=DEBUG_LOG, links=links, names=names)
    for node in bed.nodes:
        for root in ("/", *bed.spec["layers"]):
            if Path(root, ETC).is_dir():
                target = node.folder / ETC
                shutil.copytree(Path(root, ETC), target, symlinks=True, dirs_exist_ok=True)
        write(node, "ha.cf", text)
        write(node, "authkeys", AUTHKEYS, 0o600)


def write(node: Node, name: str, text: str, mode: int = 0o644) -> None:
    """Write a file below /etc/ha.d of a node, dead or alive."""
    path = node.folder / ETC / name
    path.parent.mkdir(exist_ok=True)
    path.touch(mode)
    path.chmod(mode)
    path.write_text(text)


HEARTBEAT = Software(
    name="heartbeat",
    needs={
        "/usr/libexec/heartbeat/heartbeat": "heartbeat",
        "/etc/init.d/heartbeat": "heartbeat",
        "/usr/bin/pkill": "procps",
        **NEEDS,
    },
    private=("/etc/ha.d", "/var/lib/heartbeat", *PRIVATE),
    configure=configure,
)


class Heartbeat:
    """Heartbeat on the two nodes of a bed, as an operator uses it."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed

    def write(self, name: str, text: str, mode: int = 0o644) -> None:
        """Write the same file below /etc/ha.d of all nodes."""
        for node in self.bed.nodes:
            write(node, name, text, mode)

    def runs(self, node: Node) -> bool:
        """Whether the node's Heartbeat runs. Just after its start it does not answer yet."""
        return bool(node.pids("^heartbeat: master control process"))

    def holds(self, node: Node) -> str:
        """Which resources the node holds, by `cl_status rscstatus`.

        The answer is none, local (those that haresources assigns to the node), foreign, all or
        transition. It is empty if Heartbeat does not run.
        """
        done = node.run("cl_status", "rscstatus", check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    def wait_settled(self, nodes: Sequence[Node] = (), deadline: float = 60) -> None:
        """Wait until Heartbeat runs on these nodes (all by default) and is idle."""

        def settled() -> bool:
            return all(self.holds(node) in SETTLED for node in nodes or self.bed.nodes)

        wait_until(settled, deadline, f"Heartbeat is settled on {nodes or self.bed.nodes}", 0.5)

    def start(self, node: Node) -> None:
        """Start Heartbeat as at boot; returns when its daemon runs."""
        node.run(INIT, "start")

    def stop(self, node: Node, timeout: float = 120) -> None:
        """Stop Heartbeat (`heartbeat -k`), which first gives up all resources; wait for its end."""
        node.run(INIT, "stop", timeout=timeout)

    def standby(self, node: Node) -> None:
        """Have the node give its resources to the other; returns at once."""
        node.run(f"{TOOLS}/hb_standby")

    def take_over(self, node: Node) -> None:
        """Have the other node give its resources to this one; returns at once."""
        node.run(f"{TOOLS}/hb_takeover")

    def log(self, node: Node) -> str:
        """All that Heartbeat and the scripts on the node have logged."""
        path = node.folder / LOG
        return path.read_text(errors="replace") if path.exists() else ""

    def debug_log(self, node: Node) -> str:
        """The same as `log`, and all that the scripts have printed."""
        path = node.folder / DEBUG_LOG
        return path.read_text(errors="replace") if path.exists() else ""
