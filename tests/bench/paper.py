"""The paper's 45 resources, monitored live at its own intervals: what share of a core is that?

Fifteen on each of three nodes; here all 45 are on one host, each with a daemon of its own. The
fifteenth of a node was its virtual address, which is no agent of ours: a second nova-conductor
stands for it. nova-api is there once, as in an active/passive cluster: with the one that is asked
every 5 s on each node, 120 bare interpreters a minute would be 1.8 % of a core by themselves
(measured).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from statistics import fmean
from typing import Any

from tests.bench.cost import BARE, cpu_seconds
from tests.bench.hosts import surround
from tests.bench.services import BROKER, CACHE, DATABASE, Service, as_monitor

APIS = ("keystone", "glance-api", "glance-registry", "cinder-api", "nova-api", "quantum-server")
CONSUMERS = (
    *("cinder-volume", "cinder-schedule", "nova-scheduler", "nova-cert", "nova-consoleauth"),
    *("nova-conductor", "nova-network", "nova-conductor"),
)
# A console proxy: asked, but without a token.
PROXIES = ("nova-vnc",)
NODE = (*APIS, *CONSUMERS, *PROXIES)
ELSEWHERE = tuple("cinder-api" if agent == "nova-api" else agent for agent in NODE)
RESOURCES = (*NODE, *ELSEWHERE, *ELSEWHERE)
# Seconds between two monitors of a resource.
INTERVALS = {"nova-api": 5.0}
USUAL_INTERVAL = 30.0
# Percent of one core, for all 45.
LIMIT = 2.0
Call = tuple[Sequence[str], Mapping[str, str]]


def measure(folder: Path, agents: Path, seconds: float) -> dict[str, Any]:
    """Start them, monitor them for `seconds`, and return what that cost."""
    surround(0, 0, BROKER, DATABASE, CACHE)
    services = begin(folder, agents)
    names = [service.caller.agent for service in services]
    calls: list[Call] = [(each.command, as_monitor(each.caller)) for each in services]
    # one call in half a second finds cold caches, and so does a bare interpreter
    bare = follow(schedule(names, seconds / 2), [(BARE, {}) for _ in calls])
    plan = schedule(names, seconds)
    costs = follow(plan, calls)
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
        "bare_percent": 100 * fmean(bare) * len(costs) / seconds,
        "limit": LIMIT,
        "milliseconds_by_agent": by_agent,
    }


def begin(folder: Path, agents: Path) -> list[Service]:
    """All of them, started."""
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
    # 45 starts take the CPU of two cores for 20 s; those of Identity come first
    for identity in (True, False):
        chosen = [s for s in services if (s.caller.agent == "keystone") == identity]
        with ThreadPoolExecutor(6) as pool:
            for done in pool.map(Service.begin, chosen):
                assert done is None
    return services


def schedule(agents: Sequence[str], seconds: float) -> list[tuple[float, int]]:
    """When each resource (its place in `agents`) is monitored, in order: seconds from the start.
    Those of one interval are spread over it, as a cluster's are by when they were started."""
    plan = []
    for interval in {INTERVALS.get(agent, USUAL_INTERVAL) for agent in agents}:
        places = [p for p, a in enumerate(agents) if INTERVALS.get(a, USUAL_INTERVAL) == interval]
        for order, place in enumerate(places):
            first = interval * order / len(places)
            turns = int((seconds - first - 1e-6) // interval) + 1
            plan += [(first + interval * turn, place) for turn in range(turns)]
    return sorted(plan)


def follow(plan: Sequence[tuple[float, int]], calls: Sequence[Call]) -> list[float]:
    """Make each call when it is due; return their costs in CPU seconds. Raises CallFailed."""
    begun = time.monotonic()
    costs: list[Future[float]] = []
    with ThreadPoolExecutor(8) as pool:
        for due, place in plan:
            time.sleep(max(0.0, begun + due - time.monotonic()))
            costs.append(pool.submit(cpu_seconds, *calls[place]))
    return [cost.result() for cost in costs]
