"""The state of a resource, read from the history of operations in Pacemaker's CIB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bed.cluster import Operation, operation

HEALTHY, DEGRADED, FAILED = "healthy", "degraded", "failed"
STARTING, STOPPED = "starting", "stopped"
STATES = {0: HEALTHY, 190: DEGRADED}


@dataclass(frozen=True)
class Standing:
    """node: where it runs, "" if it does not. state: one of the words above, by the last recurring
    monitor. started: call ID of the last completed start, or of the probe that found it running; it
    changes with each."""

    node: str = ""
    state: str = STOPPED
    reason: str = ""
    started: int = 0


def standings(status: Any, resources: Sequence[str]) -> dict[str, Standing]:
    """Return the state of each resource from the CIB's status section (an lxml element)."""
    found = dict.fromkeys(resources, Standing())
    for name, here in instances(status):
        if name in found:
            found[name] = here
    return found


def instances(status: Any) -> Iterator[tuple[str, Standing]]:
    """Yield each resource once for each node on which it is not stopped; a clone several times."""
    for state in status.iterfind("node_state"):
        for history in state.iterfind("lrm/lrm_resources/lrm_resource"):
            name, node = history.get("id"), state.get("uname")
            done = [operation(name, node, each) for each in history.iterfind("lrm_rsc_op")]
            here = _judge(node, done)
            if here.node:
                yield name, here


def _judge(node: str, done: Sequence[Operation]) -> Standing:
    """Return the state from the history on one node."""
    # A history may also begin with a probe that found it running, as after a cleanup.
    orders = [
        each
        for each in done
        if not each.interval and (each.task in ("start", "stop") or each.rc in STATES)
    ]
    if not orders:
        return Standing()
    last = max(orders, key=lambda each: each.call)
    if last.is_pending:
        return Standing(node, STARTING if last.task == "start" else STOPPED)
    if last.rc:
        return Standing(node, FAILED, f"{last.task}: {last.reason}", last.call)
    if last.task == "stop":
        return Standing()
    # Pacemaker keeps the last failure (degraded counts as one) beside the last success of the same
    # call; the later of the two is what the monitor says now.
    said = [each for each in done if each.interval and each.call > last.call]
    said = [each for each in said if each.rc is not None]
    if not said:
        return Standing(node, STARTING, "", last.call)
    now = max(said, key=lambda each: (each.time, each.call))
    state = STATES.get(now.rc or 0, FAILED)
    return Standing(node, state, "" if state == HEALTHY else now.reason, last.call)


def last_failure(status: Any, name: str) -> str:
    """Return the reason of the last failure on any node; degraded is no failure."""
    path = f"node_state/lrm/lrm_resources/lrm_resource[@id='{name}']/lrm_rsc_op"
    done = [operation(name, "", each) for each in status.iterfind(path)]
    failed = [each for each in done if each.rc not in (None, *STATES) and each.reason]
    return max(failed, key=lambda each: each.time).reason if failed else ""


def fail_counts(status: Any) -> dict[str, int]:
    """Return the fail count of each resource that has one."""
    counts: dict[str, int] = {}
    for pair in status.iterfind(".//transient_attributes//nvpair"):
        kind, _, rest = pair.get("name").partition("fail-count-")
        if not kind and rest:
            name = rest.partition("#")[0]
            value = pair.get("value")
            counts[name] = counts.get(name, 0) + (int(value) if value.isdigit() else 1_000_000)
    return counts
