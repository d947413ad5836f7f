"""A measurement as the report sees it: rows of figures. The first figure may have a limit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

OK, OVER = "ok", "OVER"
# The most decimals that a figure is shown with.
PRECISE = 12


class NotMeasured(Exception):
    """A measurement produced no figure; the message is the reason."""


class Absent(NotMeasured):
    """Not measured yet, and `make bench` does not measure it by itself."""


class Column(NamedTuple):
    """A column: its unit, and how many decimals are worth reading."""

    unit: str
    decimals: int = 2


class Claim(NamedTuple):
    """What the paper claims for a column: a range from low to high, in its unit. Plots show it if
    it is for the first column."""

    words: str
    low: float
    high: float
    column: int = 0


class Row(NamedTuple):
    """A row of the table. figures: one for each column, None if it could not be determined. limit:
    the most that the first figure may be; None if it is only shown. is_ours: False for software
    that the agents are compared with. at: in a plot of curves, the name of the curve and x."""

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
        """OK or OVER, "" if there is no limit. A figure that is unknown or nan is over any
        limit."""
        if self.limit is None:
            return ""
        return OK if self.value is not None and self.value <= self.limit else OVER


class Bars(NamedTuple):
    """A plot with a bar for each row. is_log: for figures of different magnitude. parts: columns
    whose figures are parts of the first figure, from left to right."""

    is_log: bool = False
    parts: Sequence[int] = ()


class Curves(NamedTuple):
    """A plot with a curve for each name in Row.at. column: the y figures. along: label of x."""

    column: int
    along: str
    is_log: bool = False


@dataclass(frozen=True)
class Measurement:
    """One table of the report.

    run: the run whose findings it shows (see runs.py). rows and told make its rows, and a sentence
    on how these were measured, from the findings.
    """

    run: str
    title: str
    columns: Sequence[Column]
    rows: Callable[[Any], list[Row]]
    told: Callable[[Any], str]
    plots: Sequence[Bars | Curves] = (Bars(),)
    claim: Claim | None = None


class Section(NamedTuple):
    """A measurement with its results."""

    measurement: Measurement
    rows: list[Row]
    told: str
    command: str

    @property
    def heads(self) -> list[str]:
        """Headings of the columns after the names. The figure with the limit comes first, so that
        a narrow screen shows it."""
        first, *others = (column.unit for column in self.measurement.columns)
        return [first, "limit", "", *others]

    def cells(self, row: Row) -> list[str]:
        """Return the texts of a row, in the order of `heads`."""
        first, *others = zip(row.figures, self.measurement.columns)
        judged = shown(first[0], first[1].decimals, row.limit), shown_limit(row.limit), row.verdict
        return [*judged, *(shown(figure, column.decimals) for figure, column in others)]

    @property
    def over(self) -> list[str]:
        """The names of rows that are over their limits."""
        title = self.measurement.title
        return [f"{title}: {row.name}" for row in self.rows if row.verdict == OVER]


def section(measurement: Measurement, found: Any, command: str) -> Section:
    """Make the section. Raises NotMeasured if the findings have no row: an empty table must not
    count as ok."""
    rows = measurement.rows(found)
    if not rows:
        raise NotMeasured(f"{measurement.title}: the findings have no figures")
    return Section(measurement, rows, measurement.told(found), command)


def shown(value: float | None, decimals: int, limit: float | None = None) -> str:
    """Return the figure as text, with more decimals if rounding would put it on the other side of
    its limit (1.704 for a limit of 1.7)."""
    if value is None:
        return "-"
    if limit is not None and math.isfinite(value):
        while decimals < PRECISE and (round(value, decimals) > limit) != (value > limit):
            decimals += 1
    return f"{value:,.{decimals}f}"


def shown_limit(limit: float | None) -> str:
    """Return the limit as text, not rounded."""
    return "" if limit is None else f"{limit:,.{PRECISE}g}"
