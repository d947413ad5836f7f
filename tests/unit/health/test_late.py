"""How long a request goes on whose time is over."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from types import SimpleNamespace

import pytest

from ocf_lib.health.late import Late
from ocf_lib.instance import Instance
from ocf_lib.processes.progress import Times

Make = Callable[..., Instance]


def late_of(instance: Instance, watched: float, own: Times, held_up: float = 0.0) -> Late:
    """One that has watched the service for so many seconds. own: what this agent did in them."""
    late = Late(instance)
    late.watch = SimpleNamespace(seconds=watched, own=own, held_up=held_up)  # type: ignore[assignment]
    return late


@pytest.mark.parametrize(
    ("watched", "own", "held_up", "took", "goes_on"),
    [
        (5.0, Times(), 0.0, 10.0, False),
        (0.5, Times(), 0.0, 10.0, True),  # too short to tell anything
        (5.0, Times(1.0, 2.0), 0.0, 10.0, True),  # 3 s of that time were ours
        (5.0, Times(1.0, 2.0), 0.0, 13.1, False),
        (5.0, Times(), 4.0, 13.0, True),  # all of the machine stood still
        (90.0, Times(10.0, 70.0), 0.0, 29.0, True),
        (90.0, Times(10.0, 70.0), 0.0, 31.0, False),  # three times its own time, at most
    ],
)
def test_a_request_has_the_time_that_was_not_ours(
    instance_of: Make, watched: float, own: Times, held_up: float, took: float, goes_on: bool
) -> None:
    late = late_of(instance_of(), watched, own, held_up)
    late.instance.environment.began = monotonic() - took + 15  # its timeout is far away
    assert (late.more(10.0, took) > 0) is goes_on


def test_time_is_left_to_find_out_what_is_to_blame(instance_of: Make) -> None:
    late = late_of(instance_of(), 0.5, Times())
    environment = late.instance.environment
    environment.began = monotonic() - (environment.timeout - environment.margin) + 3
    assert late.more(10.0, 10.0) <= 0
