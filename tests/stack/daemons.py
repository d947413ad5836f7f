"""All real daemons of the stack, in the order in which they are tested."""

from __future__ import annotations

import importlib

from tests import pace
from tests.calling import Caller
from tests.stack.real import Real
from tests.stack.stack import Stack

# The services with the fewest needs come first: Nova's and Neutron's tables take 20 s each, and are
# made while the others are tested.
MODULES = (
    "keystone",
    "image",
    "placement",
    "swift",
    "cinder",
    "nova",
    "heat",
    "manila",
    "neutron",
    "telemetry",
    "horizon",
)
ALL: list[Real] = [
    real for name in MODULES for real in importlib.import_module(f"tests.stack.{name}").DAEMONS
]
# Seconds for an action on a quiet machine.
TIMEOUT = 60.0
# A start that failed after this part of its timeout was late.
LATE = 0.5


def patience() -> float:
    """The timeout of an action on this machine, in seconds."""
    return pace.seconds(TIMEOUT)


def first_of_each_agent() -> list[Real]:
    firsts = {real.agent: real for real in reversed(ALL)}
    return [real for real in ALL if firsts[real.agent] is real]


def beside(real: Real) -> list[Real]:
    """The daemons that must run for this one, in the order in which they must start."""
    found: list[Real] = []
    for agent in real.beside:
        other = next(other for other in ALL if other.agent == agent)
        found += [one for one in [*beside(other), other] if one not in found]
    return found


def ready(stack: Stack, real: Real) -> Caller:
    """Prepare all that the daemon needs, but do not start it; return its Caller."""
    release(stack, real.agent)
    for other in beside(real):
        keep(stack, other)
    stack.need(real.needs)
    return real.caller(stack)


def keep(stack: Stack, real: Real) -> None:
    """Run a daemon for others, until `release` or the stack's end."""
    with stack.keeping:
        if real.agent in stack.kept:
            return
        stack.need(real.needs)
        caller = real.caller(stack)
        limit = patience()
        started = caller("start", timeout=limit)
        if started.code and started.seconds > LATE * limit:
            # many tests need it; a daemon that died would have been told at once
            stop(caller)
            started = caller("start", timeout=max(2 * limit, pace.RUN.measure() * TIMEOUT))
        assert started.code == 0, started
        stack.kept[real.agent] = caller


def release(stack: Stack, agent: str) -> None:
    """Stop this agent's daemon if it runs for others: a test needs its port and its name."""
    with stack.keeping:
        caller: Caller | None = stack.kept.pop(agent, None)
        if caller is not None:
            stop(caller)


def stop(caller: Caller) -> None:
    stopped = caller("stop", timeout=patience())
    assert stopped.code == 0, stopped
