"""What a measurement is to the report: rows of figures, of which the first is held to a limit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

OK, OVER = "ok", "OVER"
# Decimals beyond which nothing is told apart.
PRECISE = 12


class NotMeasured(Exception):
    """A measurement came to no figure; what it says is the reason."""


class Absent(NotMeasured):
    """Nobody has measured it yet, and `make bench` does not do it by itself."""


class Column(NamedTuple):
    """unit, and decimals that are worth reading."""

    unit: str
    decimals: int = 2


class Claim(NamedTuple):
    """What the paper says of the first column: from low to high, in its unit."""

    words: str
    low: float
    high: float


class Row(NamedTuple):
    """figures: one for each column of its measurement, None for what could not be told. limit: the
    most that the first may be; None where it is only shown. is_ours: False for what it is compared
    with. at: the curve that it is a point of, and where."""

    name: str
    figures: Sequence[float | None]
    limit: float | None = None
    is_ours: bool = True
    at: tuple[str, float] = ("", 0.0)

    @property
    def value(self) -> float | None:
        return self.figures[0]

    @property
    def verdict(self) -> str:
        """OK or OVER, and "" where there is no limit. What is not known, or no number (nan), is
        not within any."""
        if self.limit is None:
            return ""
        return OK if self.value is not None and self.value <= self.limit else OVER


class Bars(NamedTuple):
    """A bar for each row. is_log: for figures of different magnitude. parts: the columns whose
    figures are parts of the first, from left to right."""

    is_log: bool = False
    parts: Sequence[int] = ()


class Curves(NamedTuple):
    """A curve for each name in Row.at. column: whose figures. along: what is to the right."""

    column: int
    along: str
    is_log: bool = False


@dataclass(frozen=True)
class Measurement:
    """One table of the report.

    run: whose findings it shows (see runs.py). rows, told: make its rows, and a sentence on how
    they came to be, from these findings.
    """

    run: str
    title: str
    columns: Sequence[Column]
    rows: Callable[[Any], list[Row]]
    told: Callable[[Any], str]
    plots: Sequence[Bars | Curves] = (Bars(),)
    claim: Claim | None = None


class Section(NamedTuple):
    """A measurement with what came out."""

    measurement: Measurement
    rows: list[Row]
    told: str
    command: str

    @property
    def heads(self) -> list[str]:
        """Of the columns after that of the names. What is judged comes first: it is to be seen on
        a narrow screen, too."""
        first, *others = (column.unit for column in self.measurement.columns)
        return [first, "limit", "", *others]

    def cells(self, row: Row) -> list[str]:
        """What stands in them."""
        first, *others = zip(row.figures, self.measurement.columns)
        judged = shown(first[0], first[1].decimals, row.limit), shown_limit(row.limit), row.verdict
        return [*judged, *(shown(figure, column.decimals) for figure, column in others)]

    @property
    def over(self) -> list[str]:
        """What is over its limit, by name."""
        title = self.measurement.title
        return [f"{title}: {row.name}" for row in self.rows if row.verdict == OVER]


def section(measurement: Measurement, found: Any, command: str) -> Section:
    """Raises NotMeasured where the findings have not one row: nothing would be called ok."""
    rows = measurement.rows(found)
    if not rows:
        raise NotMeasured(f"{measurement.title}: there is no figure in what was found")
    return Section(measurement, rows, measurement.told(found), command)


def shown(value: float | None, decimals: int, limit: float | None = None) -> str:
    """The figure as it is read: with more decimals where rounding would put it on the other side of
    its limit (1.704 of 1.7)."""
    if value is None:
        return "-"
    if limit is not None and math.isfinite(value):
        while decimals < PRECISE and (round(value, decimals) > limit) != (value > limit):
            decimals += 1
    return f"{value:,.{decimals}f}"


def shown_limit(limit: float | None) -> str:
    """All of it: a limit is a round number."""
    return "" if limit is None else f"{limit:,.{PRECISE}g}"
