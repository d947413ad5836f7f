"""What a node's monitors cost in the minute after Keystone's failover to it: no token is kept yet.

The 26 resources have the same credentials. Their daemons are stand-ins, as is Identity. All kept
tokens are removed; then each resource is monitored every 30 s, for a minute. Identity counts the
log-ins. A bare interpreter is called between two monitors, as in paper.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean
from typing import Any

from tests.bench.hosts import surround
from tests.bench.paper import Call, bare_of, follow_both, schedule
from tests.bench.services import BROKER, CACHE, DATABASE, Service, as_monitor

AGENTS = ("nova-api", "glance-api", "cinder-api", "quantum-server", "glance-registry")
RESOURCES = ("keystone", *AGENTS * 5)
# CPU, against as many bare interpreters: a log-in is two of them, for 52 monitors.
LIMIT = 1.3
LOG_INS = "login accepted"


def measure(folder: Path, agents: Path, seconds: float) -> dict[str, Any]:
    """Start the resources, remove their tokens, monitor them for `seconds`, and return the cost and
    the number of log-ins."""
    surround(0, 0, BROKER, DATABASE, CACHE)
    services = begin(folder, agents)
    identity = services[0]
    plan = schedule(["" for _ in services], seconds)
    calls: list[Call] = [(each.command, as_monitor(each.caller)) for each in services]
    bare = [(bare_of(call, folder), call[1]) for call in calls]
    state = identity.caller.rsctmp / "openstack"
    forget(state)
    before = identity.count(LOG_INS)
    costs, least = follow_both(plan, calls, bare)
    return {
        "resources": len(services),
        "seconds": seconds,
        "calls": len(costs),
        "log_ins": identity.count(LOG_INS) - before,
        "milliseconds": 1000 * fmean(costs),
        "bare_milliseconds": 1000 * fmean(least),
        "percent": 100 * sum(costs) / seconds,
        "bare_percent": 100 * sum(least) / seconds,
        "ratio": sum(costs) / sum(least),
        "limit": LIMIT,
    }


def begin(folder: Path, agents: Path) -> Sequence[Service]:
    """Start the resources of one node, Identity first, and return them."""
    services = []
    for number, agent in enumerate(RESOURCES):
        name = f"p_{agent}_{number}"
        service = Service(folder / name, agents, agent, name=name)
        service.caller.rsctmp = folder / "rsctmp"
        services.append(service)
        service.log_in_at(services[0])
    services[0].begin()
    with ThreadPoolExecutor(6) as pool:
        for done in pool.map(Service.begin, services[1:]):
            assert done is None
    return services


def forget(state: Path) -> None:
    """Remove all kept tokens. Raises FileNotFoundError if there is none."""
    kept = list(state.glob("*.token"))
    if not kept:
        raise FileNotFoundError(f"no token is kept in {state}: there would be nothing to measure")
    for path in kept:
        path.unlink()
