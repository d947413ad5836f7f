"""Where a figure lies in a plot."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

TICKS = 6


class Axis(NamedTuple):
    """From `low` to `high`, which lie at `begin` and `end` of the picture."""

    low: float
    high: float
    begin: float
    end: float
    is_log: bool = False

    def place(self, value: float) -> float:
        """What lies beyond is at the end that it is beyond. What is no number is at the beginning:
        max takes its first argument then."""
        part = (self.measure(value) - self.measure(self.low)) / (
            self.measure(self.high) - self.measure(self.low)
        )
        return round(self.begin + min(1.0, max(0.0, part)) * (self.end - self.begin), 1)

    def measure(self, value: float) -> float:
        return math.log10(max(value, self.low)) if self.is_log else value

    def ticks(self) -> list[float]:
        """Round numbers."""
        if self.is_log:
            first, last = round(math.log10(self.low)), math.ceil(math.log10(self.high))
            decades = [10.0**power for power in range(first, last + 1)]
            steps = (1, 2, 5) if len(decades) <= TICKS // 2 else (1,)
            made = [step * decade for decade in decades for step in steps]
            return [each for each in made if each <= self.high * (1 + 1e-9)]
        step = round_step(self.high - self.low)
        count = math.floor((self.high - self.low) / step + 1e-9)
        return [self.low + step * number for number in range(count + 1)]


def axis(values: Iterable[float], begin: float, end: float, is_log: bool = False) -> Axis:
    """One that has room for all of these, begins with 0, or with a power of ten, and ends with a
    round number."""
    known = [value for value in values if math.isfinite(value)]
    if is_log:
        known = [value for value in known if value > 0] or [1.0]
        low = 10.0 ** math.floor(math.log10(min(known)) + 1e-9)
        most = max(*known, 2 * low)
        power = 10.0 ** math.floor(math.log10(most))
        high = next(step * power for step in (1, 2, 5, 10) if step * power >= most)
        return Axis(low, high, begin, end, True)
    most = max([*known, 0.0]) or 1.0
    step = round_step(most)
    return Axis(0.0, step * math.ceil(most / step - 1e-9), begin, end)


def round_step(span: float) -> float:
    """1, 2 or 5 times a power of ten, such that there are a few of them in this."""
    power = 10.0 ** math.floor(math.log10(span / TICKS))
    return next(step * power for step in (1, 2, 5, 10) if span / (step * power) <= TICKS)


def spread(places: Sequence[float], apart: float, lowest: float) -> list[float]:
    """The same places, so moved that two next to each other are this far apart at least, and none
    is below `lowest` (y grows downwards): for words beside points."""
    order = sorted(range(len(places)), key=lambda each: (places[each], each), reverse=True)
    moved = list(places)
    bound = lowest
    for each in order:
        moved[each] = min(places[each], bound)
        bound = moved[each] - apart
    return moved
