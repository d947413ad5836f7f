"""A busy host restarts nothing that makes progress, and what is stuck is still found out.

Real Keystone, Glance and nova-api beside busy loops are monitored as Pacemaker does it. On the same
host, each of them is deadlocked, and spins. Then all are monitored again while half of the memory
is in use.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.busy_load import eater, loops
from tests.bench.busy_polls import HEALTHY, follow_all, poll
from tests.bench.busy_services import Service, begin
from tests.stack.stack import Stack

# On two cores.
LOOPS = 16
# Parameter hang_grace of a service that spins, in seconds.
GRACE = 20
# Polls after which a deadlocked service must have failed.
TWO = 2
# Connections that no monitor made, for each worker, so that each is caught at the gate.
CONNECTIONS = 3
HEALTHY_SECONDS = 120.0


def measure(agents: Path, seconds: float) -> dict[str, Any]:
    """Return the findings. agents: the folder of the installed agents. seconds: how long the
    services are monitored, twice."""
    stack = Stack()
    try:
        stack.up()
        services = begin(stack, agents)
        with loops(LOOPS):
            calm = follow_all(services, seconds)
            stuck = [deadlocked(service) for service in services]
            spun = [spinning(service) for service in services]
        # beside the loops it would take minutes to get that much memory
        with eater() as eaten, loops(LOOPS):
            pressed = follow_all(services, seconds)
        for service in services:
            service.call("stop")
    finally:
        stack.down()
    return {
        "seconds": seconds,
        "loops": LOOPS,
        "grace": GRACE,
        "eaten": eaten,
        "loads": [
            {"load": f"{LOOPS} loops", "services": calm},
            {"load": f"{LOOPS} loops and memory", "services": pressed},
        ],
        "deadlocked": stuck,
        "spinning": spun,
    }


def deadlocked(service: Service) -> dict[str, Any]:
    """Poll it while all workers sleep in a lock; polls: how many it took to fail, None for more
    than TWO."""
    recover(service)
    with service.gate.locked(), caught(service):
        polls = [poll(service, usual(service))]
        while polls[-1].code != 1 and len(polls) < TWO:
            polls.append(poll(service, usual(service)))
    is_found = polls[-1].code == 1
    return {
        "name": service.name,
        "polls": len(polls) if is_found else None,
        "seconds": sum(each.seconds for each in polls),
        "codes": [each.code for each in polls],
        "reason": polls[-1].reason,
    }


def spinning(service: Service) -> dict[str, Any]:
    """Poll it while all workers spin, until it fails. seconds: until then, None if it takes more
    than GRACE and three time-outs of monitor. excused: polls before that. early: whether it failed
    before GRACE was over."""
    recover(service)
    operation = usual(service)
    begun = time.monotonic()
    with service.gate.spinning(), caught(service):
        polls = [poll(service, operation, hang_grace=GRACE)]
        while polls[-1].code != 1 and time.monotonic() < begun + GRACE + 3 * operation.timeout:
            polls.append(poll(service, operation, hang_grace=GRACE))
    seconds = time.monotonic() - begun
    is_found = polls[-1].code == 1
    return {
        "name": service.name,
        "seconds": seconds if is_found else None,
        "excused": sum(each.code != 1 for each in polls),
        "early": is_found and seconds < GRACE,
        "codes": [each.code for each in polls],
        "reason": polls[-1].reason,
    }


def usual(service: Service) -> Any:
    """The monitor that asks the API."""
    return next(each for each in service.monitors if each.depth == 10)


def recover(service: Service) -> None:
    """Return once it is healthy, so that nothing before counts."""
    until = time.monotonic() + HEALTHY_SECONDS
    while poll(service, usual(service)).code != HEALTHY:
        assert time.monotonic() < until, f"{service.name} does not become healthy"


@contextmanager
def caught(service: Service) -> Iterator[None]:
    """Meanwhile requests that nobody waits for keep each worker at the gate."""

    def connect() -> list[socket.socket]:
        made = []
        for _ in range(service.workers * CONNECTIONS):
            made.append(socket.create_connection(("127.0.0.1", service.port)))
            made[-1].sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        return made

    made = service.stack.inside(connect)
    # time to reach the gate
    time.sleep(2)
    try:
        yield
    finally:
        for connection in made:
            connection.close()
