"""How Pacemaker's work grows with the cluster: every agent as a clone on 3, 16 and 32 nodes, by
simulation."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.cost import BARE, cpu_seconds
from tests.bench.measurement import NotMeasured
from tests.bench.simulation import (
    ENVIRONMENT,
    FIRST,
    MANDATORY,
    OPTIONAL,
    Agents,
    complaints,
    count_actions,
    learn_history,
    make_cib,
    milliseconds,
    simulation,
    write,
)

SIZES = (3, 16, 32)
# Calls, of which the cheapest counts: other load on the machine only adds to the CPU.
ROUNDS = 2
BARE_ROUNDS = 15


class Event(NamedTuple):
    """What happens to the cluster. joining: how many nodes have just joined, -1 for all."""

    name: str
    options: Sequence[str] = ()
    joining: int = 0
    order: str = OPTIONAL
    limit: int | None = None


def events(agents: Agents, nodes: int) -> list[Event]:
    """Return the events, the same for every number of nodes. The limit: a daemon that fails is
    stopped, started and monitored, and nothing else happens, whatever the size."""
    monitors = [interval for name, interval, _, _ in agents[FIRST] if name == "monitor"]
    failure = f"p_{FIRST}_monitor_{milliseconds(monitors[0])}@node-1=1"
    fails = ("--op-inject", failure)
    return [
        Event("first start of all", joining=-1),
        Event("a node comes", joining=1),
        Event("Keystone fails, mandatory", fails, order=MANDATORY),
        Event("Keystone fails", fails, limit=2 + len(monitors)),
        Event("a node dies", ("--node-fail", f"node-{nodes}")),
    ]


def measure(agents: Agents, sizes: Sequence[int] = SIZES, rounds: int = ROUNDS) -> dict[str, Any]:
    """Return the transitions, their cost to the scheduler, and crm_verify's complaints about each
    cluster. Raises CallFailed, and NotMeasured if a cluster that has started is not settled."""
    with tempfile.TemporaryDirectory(prefix="ocf-bench-") as name:
        folder = Path(name)
        history = learn_history(agents, folder)
        bare = statistics.median(cpu_seconds(BARE, {}) for _ in range(BARE_ROUNDS))
        found: dict[str, Any] = {"agents": len(agents), "bare": bare, "rounds": rounds}
        found["transitions"], found["verified"] = [], []
        prove_that_nothing_is_left_to_do(agents, min(sizes), history, folder)
        for nodes in sizes:
            for event in events(agents, nodes):
                running = 0 if event.joining < 0 else nodes - event.joining
                cib, graph = folder / "cib.xml", folder / "graph.xml"
                write(make_cib(agents, nodes, running, history, event.order), cib)
                command = simulation(cib, graph, *event.options)
                times = [cpu_seconds(command, ENVIRONMENT) for _ in range(rounds)]
                counts = count_actions(graph)
                found["transitions"].append(
                    {
                        "nodes": nodes,
                        "event": event.name,
                        "actions": sum(counts.values()),
                        "kinds": counts,
                        "limit": event.limit,
                        "seconds": min(times),
                    }
                )
                if not event.options:
                    said = complaints(cib)
                    seen = {"nodes": nodes, "state": event.name, "complaints": len(said)}
                    found["verified"].append({**seen, "said": said})
    return found


def prove_that_nothing_is_left_to_do(
    agents: Agents, nodes: int, history: Any, folder: Path
) -> None:
    """Check that a cluster that has started has no action left, so that only events are measured.
    Raises NotMeasured if it has."""
    cib, graph = folder / "settled.xml", folder / "settled.graph"
    write(make_cib(agents, nodes, nodes, history), cib)
    cpu_seconds(simulation(cib, graph), ENVIRONMENT)
    if counts := count_actions(graph):
        raise NotMeasured(f"a simulated cluster that has started still plans actions: {counts}")
