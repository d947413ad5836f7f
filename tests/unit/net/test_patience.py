"""The longest time that a request may take within an action."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocf_lib.declare.service import Service
from ocf_lib.environment import Environment
from ocf_lib.instance import Instance
from ocf_lib.net.patience import RESERVE, USUAL_REQUEST, Patience
from tests.unit.conftest import demo, patience_of

Make = Callable[..., Instance]
Seconds = Callable[..., float]


@pytest.fixture
def within(instance_of: Make) -> Seconds:
    """The time limit of a request if the action has this many seconds left."""

    def make(seconds: float, service: Service | None = None, **parameters: object) -> float:
        made = instance_of(service, "monitor", **parameters)
        environ = made.environment.environ
        made.environment = Environment(["monitor"], environ, usual_timeout=1)
        made.environment.began += seconds - (made.environment.deadline - made.environment.began)
        return patience_of(made).seconds

    return make


@pytest.mark.parametrize(
    "left, seconds",
    [(100, 10), (14, 10), (12, 8), (9, 5), (8, 4), (6, 3), (2, 1), (0.5, 0.25), (0, 0), (-5, 0)],
)
def test_some_time_is_kept_for_a_look_around(within: Seconds, left: float, seconds: float) -> None:
    asked = within(left, api_timeout=10)
    assert asked == pytest.approx(seconds, abs=0.3)
    assert asked >= 0


def test_api_timeout_is_the_longest(within: Seconds) -> None:
    assert within(100, api_timeout=3) == 3
    assert within(100, api_timeout=60) == 60
    assert within(6, api_timeout=60) == pytest.approx(3, abs=0.3)


def test_patience_is_a_limit_too() -> None:
    patience = Patience(monotonic() + 100, 60)
    assert patience.at_most(4).seconds == 4
    assert patience.at_most(600).seconds == 60
    assert patience.seconds == 60


def test_a_service_without_an_api_has_a_usual_time(within: Seconds) -> None:
    service = demo(api=None, parameters=())
    assert within(100, service) == USUAL_REQUEST


@given(left=st.floats(-10, 200), longest=st.integers(1, 120))
def test_a_request_leaves_the_reserve_or_half(within: Seconds, left: float, longest: int) -> None:
    asked = within(left, api_timeout=longest)
    assert 0 <= asked <= longest
    assert asked <= max(0, left)
    if left > 0:
        assert left - asked >= min(RESERVE, left / 2) - 0.001
