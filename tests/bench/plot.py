"""Plots as inline SVG, narrow enough for a phone; their styles are in page.py.

A figure over its limit is marked by a word, not by colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from tests.bench.axis import Axis, axis, spread
from tests.bench.measurement import OVER, Bars, Column, Curves, Row, Section, shown, shown_limit
from tests.drawing import box, line, opening, text

WIDTH, LEFT, RIGHT = 480, 8, 64
TOP, ROW, BAR = 30, 38, 12
HEIGHT, BESIDE = 250, 226
LETTERS = 7.0  # width of a small letter


def plots(section: Section) -> list[str]:
    """Return an SVG for each plot that the measurement declares."""
    return [
        draw_bars(section, plot) if isinstance(plot, Bars) else draw_curves(section, plot)
        for plot in section.measurement.plots
    ]


def describe(section: Section, column: Column, place: int) -> str:
    """Describe the picture in words."""
    said = []
    for row in section.rows:
        limit = f", limit {shown_limit(row.limit)}: {row.verdict}" if row.verdict else ""
        value = shown(row.figures[place], column.decimals, row.limit if not place else None)
        said.append(f"{row.name} {value} {column.unit}{limit if not place else ''}")
    return "; ".join(said)


# Bars.


def draw_bars(section: Section, plot: Bars) -> str:
    measurement, rows = section.measurement, section.rows
    column, claim = measurement.columns[0], measurement.claim
    if claim and claim.column:
        claim = None
    bounds = [claim.low, claim.high] if claim else []
    values = [each for row in rows for each in (row.value, row.limit) if each is not None]
    scale = axis([*values, *bounds], LEFT, WIDTH - RIGHT, plot.is_log)
    bottom = TOP + ROW * len(rows)
    parts = [opening(WIDTH, bottom + 40, measurement.title, describe(section, column, 0))]
    parts += grid(scale, TOP - 6, bottom, bottom + 14)
    title = column.unit + (", logarithmic" if plot.is_log else "")
    parts.append(text(LEFT, bottom + 32, title, "faint"))
    if claim:
        left, right = scale.place(claim.low), scale.place(claim.high)
        parts.append(box(left - 1, TOP - 6, right + 1, bottom, "claim", claim.words))
        is_right = left > WIDTH / 2
        anchor = "end" if is_right else "start"
        place = right + 1 if is_right else left - 1
        parts.append(text(place, TOP - 12, f"the paper: {claim.words}", "faint", anchor))
    for number, row in enumerate(rows):
        parts += bar(row, column, plot, scale, TOP + ROW * number)
    parts += shares(section, plot, bottom + 32)
    return "".join([*parts, "</svg>\n"])


def bar(row: Row, column: Column, plot: Bars, scale: Axis, top: float) -> Iterator[str]:
    """Draw a bar with its name, limit and verdict above it and its figure at its end."""
    yield text(LEFT, top + 12, row.name, "over" if row.verdict == OVER else "")
    value = shown(row.value, column.decimals, row.limit)
    if row.verdict:
        told = f"limit {shown_limit(row.limit)} {row.verdict}"
        yield text(WIDTH - 4, top + 12, told, "over" if row.verdict == OVER else "faint", "end")
    upper, lower = top + 17, top + 17 + BAR
    end = scale.begin if row.value is None else scale.place(row.value)
    kind = "over" if row.verdict == OVER else "ours" if row.is_ours else "theirs"
    yield box(scale.begin, upper, end, lower, kind, f"{row.name}: {value} {column.unit}")
    begin = scale.begin
    sum_of_parts = 0.0
    for number, place in enumerate(plot.parts):
        share = row.figures[place]
        if share is not None and share > 0:
            sum_of_parts += share
            until = min(scale.place(sum_of_parts), end)
            yield box(begin, upper, until, lower, f"part{number}", f"{shown(share, 2)}")
            begin = until
    if row.limit is not None:
        x = scale.place(row.limit)
        told = f"limit {shown_limit(row.limit)}"
        yield line(x, upper - 3, x, lower + 3, "limit", told)
        # keep the figure off the limit's line
        if end <= x < end + 10 + LETTERS * len(value):
            end = x
    yield text(end + 5, lower - 2, value, "over" if row.verdict == OVER else "faint")


def shares(section: Section, plot: Bars, y: float) -> Iterator[str]:
    """Draw the legend for the parts of the bars, at the right."""
    x = WIDTH - 4.0
    for number, place in reversed(list(enumerate(plot.parts))):
        unit = section.measurement.columns[place].unit
        yield text(x, y, unit, "faint", "end")
        x -= len(unit) * LETTERS + 16
        yield box(x, y - 9, x + 10, y + 1, f"part{number}", unit)
        x -= 10


# Curves.


def draw_curves(section: Section, plot: Curves) -> str:
    column = section.measurement.columns[plot.column]
    rows = [row for row in section.rows if row.figures[plot.column] is not None]
    title = f"{section.measurement.title}: {column.unit}"
    right, bottom = WIDTH - BESIDE, HEIGHT - 44.0
    across = axis([row.at[1] for row in rows], LEFT + 50, right)
    up = axis([figure(row, plot) for row in rows], bottom, TOP, plot.is_log)
    parts = [opening(WIDTH, HEIGHT, title, describe(section, column, plot.column))]
    unit = column.unit + (", logarithmic" if plot.is_log else "")
    parts.append(text(LEFT, 14, unit, "faint"))
    for tick in up.ticks():
        y = up.place(tick)
        parts.append(line(across.begin, y, right, y, "line"))
        parts.append(text(across.begin - 5, y + 4, f"{tick:,g}", "faint", "end"))
    for value in sorted({row.at[1] for row in rows}):
        x = across.place(value)
        parts.append(text(x, bottom + 16, f"{value:,g}", "faint", "middle"))
    parts.append(text((across.begin + right) / 2, bottom + 34, plot.along, "faint", "middle"))
    names = list(dict.fromkeys(row.at[0] for row in rows))
    curves = [sorted(points(rows, name), key=lambda row: row.at[1]) for name in names]
    ends = [up.place(figure(curve[-1], plot)) for curve in curves]
    for number, (name, curve) in enumerate(zip(names, curves)):
        parts += draw_curve(number, name, curve, plot, column, across, up)
    for number, (name, y) in enumerate(zip(names, spread(ends, 15, bottom))):
        last = figure(curves[number][-1], plot)
        x = across.place(curves[number][-1].at[1])
        parts.append(line(x + 4, ends[number], x + 16, y, f"curve c{number}"))
        parts.append(text(x + 20, y + 4, f"{shown(last, column.decimals)} {name}", "faint"))
    return "".join([*parts, "</svg>\n"])


def draw_curve(
    number: int, name: str, curve: Sequence[Row], plot: Curves, column: Column, x: Axis, y: Axis
) -> Iterator[str]:
    places = [(x.place(row.at[1]), y.place(figure(row, plot))) for row in curve]
    track = " ".join(f"{left},{top}" for left, top in places)
    yield f'<polyline class="curve c{number}" points="{track}"/>\n'
    for row, (left, top) in zip(curve, places):
        value = shown(figure(row, plot), column.decimals)
        told = f"{name}, {row.at[1]:,g} {plot.along}: {value}"
        yield box(left - 3, top - 3, left + 3, top + 3, f"point c{number}", told)


def points(rows: Sequence[Row], name: str) -> list[Row]:
    return [row for row in rows if row.at[0] == name]


def figure(row: Row, plot: Curves) -> float:
    value = row.figures[plot.column]
    return math.nan if value is None else value


def grid(scale: Axis, top: float, bottom: float, y: float) -> Iterator[str]:
    """Draw a line and a number for each tick of a horizontal axis."""
    for tick in scale.ticks():
        x = scale.place(tick)
        yield line(x, top, x, bottom, "line")
        yield text(x, y, f"{tick:,g}", "faint", "middle")
