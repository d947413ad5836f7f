"""The axes of a plot: scale, ticks, and where a value lies."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

TICKS = 6


class Axis(NamedTuple):
    """Maps values from `low` to `high` to coordinates from `begin` to `end`."""

    low: float
    high: float
    begin: float
    end: float
    is_log: bool = False

    def place(self, value: float) -> float:
        """Return the coordinate of a value. Values off the scale go to the nearer end; nan goes to
        the beginning, because max returns its first argument then."""
        part = (self.measure(value) - self.measure(self.low)) / (
            self.measure(self.high) - self.measure(self.low)
        )
        return round(self.begin + min(1.0, max(0.0, part)) * (self.end - self.begin), 1)

    def measure(self, value: float) -> float:
        return math.log10(max(value, self.low)) if self.is_log else value

    def ticks(self) -> list[float]:
        """Return round numbers from low to high."""
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
    """Return an axis with room for all these values. It begins at 0 (logarithmic: at a power of
    ten) and ends at a round number."""
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
    """Return 1, 2 or 5 times a power of ten, so that the span has at most TICKS such steps."""
    power = 10.0 ** math.floor(math.log10(span / TICKS))
    return next(step * power for step in (1, 2, 5, 10) if span / (step * power) <= TICKS)


def spread(places: Sequence[float], apart: float, lowest: float) -> list[float]:
    """Move labels so that they do not overlap: neighbours are at least `apart` from each other,
    and none is below `lowest` (y grows downwards)."""
    order = sorted(range(len(places)), key=lambda each: (places[each], each), reverse=True)
    moved = list(places)
    bound = lowest
    for each in order:
        moved[each] = min(places[each], bound)
        bound = moved[each] - apart
    return moved
