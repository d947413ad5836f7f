"""How much of a core it takes to monitor the paper's 45 resources at the paper's intervals.

The paper has 15 on each of three nodes; here all 45 run on one host, each with its own daemon. The
fifteenth on each node was the virtual address, which is no agent of ours: a second nova-conductor
stands in for it. nova-api runs once, as in an active/passive cluster. It is monitored every 5 s: if
it ran on each node, there would be 120 monitors a minute in all, and as many bare interpreters
alone take 1.8 % of a core (measured).

Between two monitors, a bare interpreter is called as the agent is: a file that does nothing, with
the agent's first line and environment. So both have equally cold caches and busy neighbours.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from statistics import fmean
from typing import Any

from tests.bench.cost import cpu_seconds
from tests.bench.hosts import surround
from tests.bench.services import BROKER, CACHE, DATABASE, Service, as_monitor

APIS = ("keystone", "glance-api", "glance-registry", "cinder-api", "nova-api", "quantum-server")
CONSUMERS = (
    *("cinder-volume", "cinder-schedule", "nova-scheduler", "nova-cert", "nova-consoleauth"),
    *("nova-conductor", "nova-network", "nova-conductor"),
)
# A console proxy: its API is asked, but without a token.
PROXIES = ("nova-vnc",)
NODE = (*APIS, *CONSUMERS, *PROXIES)
ELSEWHERE = tuple("cinder-api" if agent == "nova-api" else agent for agent in NODE)
RESOURCES = (*NODE, *ELSEWHERE, *ELSEWHERE)
# Seconds between two monitors of a resource.
INTERVALS = {"nova-api": 5.0}
USUAL_INTERVAL = 30.0
# CPU, against as many bare interpreters.
LIMIT = 1.2
Call = tuple[Sequence[str], Mapping[str, str]]


def measure(folder: Path, agents: Path, seconds: float) -> dict[str, Any]:
    """Start the resources, monitor them for `seconds`, and return the cost."""
    surround(0, 0, BROKER, DATABASE, CACHE)
    services = begin(folder, agents)
    names = [service.caller.agent for service in services]
    calls: list[Call] = [(each.command, as_monitor(each.caller)) for each in services]
    plan = schedule(names, seconds)
    costs, bare = follow_both(plan, calls, [(bare_of(call, folder), call[1]) for call in calls])
    by_agent: dict[str, list[float]] = {}
    for (_, place), cost in zip(plan, costs):
        by_agent.setdefault(names[place], []).append(round(1000 * cost, 1))
    return {
        "resources": len(services),
        "seconds": seconds,
        "calls": len(costs),
        "milliseconds": 1000 * fmean(costs),
        "bare_milliseconds": 1000 * fmean(bare),
        "percent": 100 * sum(costs) / seconds,
        "bare_percent": 100 * sum(bare) / seconds,
        "ratio": sum(costs) / sum(bare),
        "limit": LIMIT,
        "milliseconds_by_agent": by_agent,
    }


def begin(folder: Path, agents: Path) -> list[Service]:
    """Start all resources and return them."""
    services = []
    for number, agent in enumerate(RESOURCES):
        name = f"p_{agent}_{number}"
        service = Service(folder / name, agents, agent, name=name)
        services.append(service)
        if agent in CONSUMERS:
            service.set(listen="never")
        elif agent in APIS:
            # the first of a node is its Identity
            service.log_in_at(services[number - number % len(NODE)])
    # 45 starts take two cores 20 s; Identity comes first, for the others log in there
    for identity in (True, False):
        chosen = [s for s in services if (s.caller.agent == "keystone") == identity]
        with ThreadPoolExecutor(6) as pool:
            for done in pool.map(Service.begin, chosen):
                assert done is None
    return services


def schedule(agents: Sequence[str], seconds: float) -> list[tuple[float, int]]:
    """Return when each resource is monitored: (seconds from the start, its place in `agents`), in
    order. Resources with the same interval are spread over it, as in a cluster, where each counts
    from its own start."""
    plan = []
    for interval in {INTERVALS.get(agent, USUAL_INTERVAL) for agent in agents}:
        places = [p for p, a in enumerate(agents) if INTERVALS.get(a, USUAL_INTERVAL) == interval]
        for order, place in enumerate(places):
            first = interval * order / len(places)
            turns = int((seconds - first - 1e-6) // interval) + 1
            plan += [(first + interval * turn, place) for turn in range(turns)]
    return sorted(plan)


def bare_of(call: Call, folder: Path) -> Sequence[str]:
    """Return the command of a program that does nothing, and starts as the agent does."""
    (agent, *_), _ = call
    with open(agent, encoding="utf-8") as file:
        beginning = file.readline()
    path = folder / "bare"
    if not path.exists():
        path.write_text(f"{beginning}pass\n")
        path.chmod(0o755)
    return (str(path), "monitor")


def follow_both(
    plan: Sequence[tuple[float, int]], calls: Sequence[Call], bare: Sequence[Call]
) -> tuple[list[float], list[float]]:
    """Make each call when it is due, and its bare counterpart halfway to the next one; return the
    costs of both in CPU seconds. Raises CallFailed."""
    ends = [due for due, _ in plan[1:]] + [plan[-1][0]]
    between = [((due + end) / 2, len(calls) + place) for (due, place), end in zip(plan, ends)]
    merged = sorted([*plan, *between])
    costs = follow(merged, [*calls, *bare])
    both = list(zip(merged, costs))
    return (
        [cost for (_, place), cost in both if place < len(calls)],
        [cost for (_, place), cost in both if place >= len(calls)],
    )


def follow(plan: Sequence[tuple[float, int]], calls: Sequence[Call]) -> list[float]:
    """Make each call when it is due; return the costs in CPU seconds. Raises CallFailed."""
    begun = time.monotonic()
    costs: list[Future[float]] = []
    with ThreadPoolExecutor(8) as pool:
        for due, place in plan:
            time.sleep(max(0.0, begun + due - time.monotonic()))
            costs.append(pool.submit(cpu_seconds, *calls[place]))
    return [cost.result() for cost in costs]
