"""What an idle cluster costs: CPU of the agents and of the cluster's own programs on each node.

No cgroup is needed: all agents of a node are children of its pacemaker-execd, which waits for them.
Once they end, its cutime and cstime (proc(5)) include their CPU and that of their children. A
monitor that runs when the measurement begins or ends counts in the period in which it ends.

A bare interpreter is called on the machine once a second meanwhile: as many of these as a node has
monitors are what its agents are compared with.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bed.bed import Bed
from tests.bed.cluster import Cluster, Operation
from tests.bed.node import Process
from tests.bench.cost import BARE, cpu_seconds

SECONDS = 120.0
# The agents of a node, against as many bare interpreters. The cluster's shell agents (the address,
# HAProxy, Open vSwitch) count too. It was 2 % of a core (the paper: "1 or 2 %"), for 1.45 monitors
# a second and a bare interpreter of 8 ms.
LIMIT = 1.7
FENCE = "fence"
TICK = os.sysconf("SC_CLK_TCK")
EXECUTOR = "pacemaker-execd"
# The kind of a process, by its name as the kernel truncates it; all others count as daemons.
KINDS = {
    "corosync": "corosync",
    "pacemakerd": "pacemaker",
    "pacemaker-based": "pacemaker",
    "pacemaker-fence": "pacemaker",
    EXECUTOR: "pacemaker",
    "pacemaker-attrd": "pacemaker",
    "pacemaker-sched": "pacemaker",
    "pacemaker-contr": "pacemaker",
    "haproxy": "balancer",
    "ocf-sentinel": "agents",
}
NAMES = ("agents", "pacemaker", "corosync", "balancer", "daemons")


@dataclass(frozen=True)
class Usage:
    """CPU seconds of a process until now. own: by itself. waited: by children that it has waited
    for. begun: its start, in ticks, which reveals a reused PID."""

    program: str
    begun: int
    own: float
    waited: float


def usage(stat: str) -> Usage:
    """Parse the text of /proc/PID/stat."""
    head, _, rest = stat.rpartition(")")
    fields = rest.split()
    user, system, waited_user, waited_system = (int(field) for field in fields[11:15])
    program = head.partition("(")[2]
    return Usage(
        program, int(fields[19]), (user + system) / TICK, (waited_user + waited_system) / TICK
    )


def look(processes: Iterable[Process]) -> dict[int, Usage]:
    """Return the usage of the processes that still live, by PID. Agents that run just now are left
    out: their time is added to the executor's when they end."""
    found, parents = {}, {}
    for process in processes:
        try:
            found[process.pid] = usage(Path(f"/proc/{process.pid}/stat").read_text())
        except OSError:  # it ended meanwhile
            continue
        parents[process.pid] = process.parent
    executors = {pid for pid, its in found.items() if its.program == EXECUTOR}
    return {pid: its for pid, its in found.items() if parents[pid] not in executors}


def growth(before: Mapping[int, Usage], after: Mapping[int, Usage]) -> dict[str, float]:
    """Return the CPU seconds used between two looks at a node, by kind."""
    used = dict.fromkeys(NAMES, 0.0)
    for pid, now in after.items():
        then = before.get(pid)
        if then is None or then.begun != now.begun:
            then = Usage(now.program, now.begun, 0.0, 0.0)
        kind = KINDS.get(now.program, "daemons")
        used[kind] += now.own - then.own
        if now.program == EXECUTOR:
            used["agents"] += now.waited - then.waited
        elif kind == "pacemaker":  # pacemaker-fenced runs the fence agent
            used["pacemaker"] += now.waited - then.waited
    return used


def measure(bed: Bed, seconds: float = SECONDS) -> list[dict[str, Any]]:
    """Leave the cluster idle for `seconds`; return for each node its name, its number of active
    resources, and its CPU use by kind, in percent of one core."""
    cluster = Cluster(bed)
    begun, before = time.monotonic(), {node.name: look(node.processes()) for node in bed.nodes}
    bare = statistics.median(each_second(seconds))
    after = {node.name: look(node.processes()) for node in bed.nodes}
    lasted = time.monotonic() - begun
    active = cluster.crm_mon().findall("resources//resource[@active='true']/node")
    found = []
    for node in bed.nodes:
        used = growth(before[node.name], after[node.name])
        shares: dict[str, Any] = {k: round(100 * used[k] / lasted, 2) for k in NAMES}
        count = sum(each.get("name") == node.name for each in active)
        share = 100 * bare * rate(cluster.operations(node=node.name))
        # a node without a monitor is compared with nothing
        its = (shares["agents"] / share, LIMIT) if share else (None, None)
        ratio = {"bare": share, "ratio": its[0], "limit": its[1]}
        found.append({"node": node.name, "resources": count, **shares, **ratio})
    return found


def each_second(seconds: float) -> list[float]:
    """Call a bare interpreter every second; return the costs in CPU seconds."""
    begun, costs = time.monotonic(), []
    while (left := begun + seconds - time.monotonic()) > 0:
        costs.append(cpu_seconds(BARE, {}))
        time.sleep(min(1.0, left))
    return costs


def rate(operations: Iterable[Operation]) -> float:
    """Return how many agents run in a second on an idle node with these operations. The fence
    agent, which pacemaker-fenced runs, does not count."""
    return sum(
        1000 / each.interval for each in operations if each.interval and each.resource != FENCE
    )


def is_over(node: Mapping[str, Any]) -> bool:
    """Whether a node's agents cost more than they may."""
    return bool(node["limit"] and node["ratio"] > node["limit"])


def table(nodes: Iterable[Mapping[str, Any]], seconds: float) -> str:
    """Return the result as text for a terminal."""
    lines = [
        f"CPU on an idle cluster over {seconds:.0f} s, percent of one core; the paper: 1 or 2 %",
        f"  {'':8} {'resources':>9} " + " ".join(f"{n:>9}" for n in (*NAMES, "bare = 1")),
    ]
    for node in nodes:
        figures = " ".join(f"{node[name]:9.2f}" for name in NAMES)
        ratio = node["ratio"]
        figures += "         -" if ratio is None else f" {ratio:9.2f}"
        verdict = "OVER" if is_over(node) else "ok"
        lines.append(f"  {node['node']:8} {node['resources']:9} {figures}  {verdict}")
    return "\n".join(lines)
