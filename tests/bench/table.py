"""A section of the report as text, for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from tests.bench.measurement import Section

NAMES, CELLS, LINE = 38, 8, 100


def table(section: Section) -> str:
    return "\n".join(lines(section)) + "\n"


def lines(section: Section) -> Iterator[str]:
    claim = section.measurement.claim
    yield from textwrap.wrap(f"{section.measurement.title}: {section.told}", LINE)
    if claim:
        yield f"The paper: {claim.words}."
    yield ""
    names = max(NAMES, *(len(row.name) for row in section.rows))
    widths = [max(CELLS, len(head) + 2) for head in section.heads]
    yield f"  {'':{names}}{aligned(section.heads, widths)}".rstrip()
    for row in section.rows:
        yield f"  {row.name:{names}}{aligned(section.cells(row), widths)}".rstrip()


def aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths))
