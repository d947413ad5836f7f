"""Monitors services as Pacemaker does, and counts what Pacemaker would have restarted.

Each call is a process of its own, killed at its timeout. A resource has one operation at a time,
and the interval of a recurring one counts from the end of its last call (Pacemaker's executor). A
verdict other than healthy or degraded is followed by a stop and a start.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from tests.bench.busy_services import Operation, Service

HEALTHY, DEGRADED = 0, 190
# The code of a monitor that was killed at its timeout.
KILLED = -9


class Poll(NamedTuple):
    """One call of monitor. seconds: how long it took. restart: the codes of the stop and the start
    that followed, if it failed."""

    depth: int
    code: int
    seconds: float
    reason: str
    restart: tuple[int, ...] = ()


def poll(service: Service, operation: Operation, **parameters: object) -> Poll:
    """Call monitor once."""
    caller = service.caller
    environment = caller.environment(
        CRM_meta_timeout=int(operation.timeout * 1000),
        CRM_meta_interval=int(operation.interval * 1000),
        **parameters,
    )
    environment["OCF_CHECK_LEVEL"] = str(operation.depth)
    begun = time.monotonic()
    child = subprocess.Popen(
        [*caller.prefix, str(caller.agents / caller.agent), "monitor"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _, said = child.communicate(timeout=max(0.0, begun + operation.timeout - time.monotonic()))
    except subprocess.TimeoutExpired:
        child.kill()
        _, said = child.communicate()
    code = child.returncode
    told = [line for line in said.splitlines() if line.startswith("ocf-exit-reason:")]
    reason = told[-1].partition(":")[2] if told else said.strip()[-200:]
    return Poll(operation.depth, code, time.monotonic() - begun, reason)


def follow(service: Service, seconds: float) -> list[Poll]:
    """Monitor one service for this long."""
    end = time.monotonic() + seconds
    due = {operation: time.monotonic() for operation in service.monitors}
    made = []
    while min(due.values()) < end:
        operation = min(due, key=lambda each: due[each])
        time.sleep(max(0.0, due[operation] - time.monotonic()))
        found = poll(service, operation)
        if found.code not in (HEALTHY, DEGRADED):
            codes = service.call("stop"), service.call("start")
            found = found._replace(restart=codes)
        made.append(found)
        due[operation] = time.monotonic() + operation.interval
    return made


def follow_all(services: Iterable[Service], seconds: float) -> list[dict[str, Any]]:
    """Monitor all services for this long; the findings of each."""
    services = list(services)
    with ThreadPoolExecutor(len(services)) as pool:
        polls = list(pool.map(lambda service: follow(service, seconds), services))
    return [summary(service.name, its) for service, its in zip(services, polls)]


def summary(name: str, polls: list[Poll]) -> dict[str, Any]:
    """What is reported of a service's polls."""
    slowest = max(polls, key=lambda each: each.seconds)
    healthy = [each.seconds for each in polls if each.code == HEALTHY]
    others = [each for each in polls if each.code != HEALTHY]
    return {
        "name": name,
        "polls": len(polls),
        "healthy": len(healthy),
        "degraded": sum(each.code == DEGRADED for each in polls),
        "killed": sum(each.code == KILLED for each in polls),
        "failed": sum(each.code not in (HEALTHY, DEGRADED, KILLED) for each in polls),
        "restarts": sum(bool(each.restart) for each in polls),
        "slowest": slowest.seconds,
        "slowest_depth": slowest.depth,
        "others": [each._asdict() for each in others],
    }
