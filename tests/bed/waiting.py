"""Waiting for a condition, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], deadline: float, what: str, pause: float = 0.2) -> T:
    """Call `condition` every `pause` seconds until it is true; return what it returned.

    Raises TimeoutError naming `what` and the last value after `deadline` seconds.
    """
    until = time.monotonic() + deadline
    while not (value := condition()):
        if time.monotonic() > until:
            raise TimeoutError(f"not true within {deadline:g} s: {what} (last seen: {value!r})")
        time.sleep(pause)
    return value
