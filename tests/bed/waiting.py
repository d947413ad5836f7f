"""Waiting for a condition, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tests import pace

T = TypeVar("T")


def silent(text: str) -> None:
    """Print nothing."""


def wait_until(
    condition: Callable[[], T],
    deadline: float,
    what: str,
    pause: float = 0.2,
    say: Callable[[str], None] = silent,
) -> T:
    """Call `condition` every `pause` seconds until it is true; return what it returned.

    Raises TimeoutError naming `what` and the last value after `deadline` seconds. These grow with
    the machine's lateness (tests/pace.py): `say` is called with a line if the wait took longer.
    """
    limit = pace.Limit(deadline)
    while not (value := condition()):
        if limit.is_over():
            raise TimeoutError(f"not true within {limit}: {what} (last seen: {value!r})")
        time.sleep(pause)
    if late := limit.lateness():
        say(f"{what}: {late}")
    return value
