"""The report as an HTML page: a single file, without scripts.

It is built as a tree, so that markup in a name or a figure stays plain text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lxml import etree
from lxml.builder import E

from tests.bench.measurement import OVER, Section
from tests.bench.plot import plots
from tests.drawing import STYLE

LOOKS = """
body { max-width: 44rem; margin: 0 auto; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif;
  background: #ffffff; color: #24292f; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.15rem; margin: 2.5rem 0 .25rem; }
a { color: #0969da; }
@supports (paint-order: stroke) {
  svg text { paint-order: stroke; stroke: #ffffff; stroke-width: 3px; stroke-linejoin: round; }
}
svg text { font-size: 14px; } svg .faint { font-size: 12px; }
svg { display: block; width: 100%; max-width: 40rem; margin: .75rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; }
th, td { text-align: right; vertical-align: top; padding: .2rem .45rem;
  border-bottom: 1px solid #d0d7de; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
thead th { vertical-align: bottom; }
tbody th { font-weight: 400; min-width: 7rem; }
.machine td { text-align: left; }
code { overflow-wrap: anywhere; font-size: .875rem; background: #f0f2f5; padding: .15rem .3rem; }
.over { color: #c62f2f; font-weight: 600; }
svg text.over { fill: #c62f2f; font-weight: 600; }
svg rect.ours { fill: #2f6fd0; } svg rect.theirs { fill: #8a9099; } svg rect.over { fill: #d64545; }
svg rect.part0 { fill: #8a9099; } svg rect.part1 { fill: #b88a2e; }
svg rect.part2 { fill: #6f5a8a; }
svg rect.claim { fill: #8250df; fill-opacity: .3; }
svg .limit { stroke: #24292f; stroke-width: 2; }
svg .curve { fill: none; stroke-width: 2; }
svg .c0 { stroke: #2f6fd0; } svg .c1 { stroke: #c05621; stroke-dasharray: 6 3; }
svg .c2 { stroke: #2f9e62; stroke-dasharray: 2 3; }
svg .c3 { stroke: #8250df; stroke-dasharray: 8 3 2 3; } svg .c4 { stroke: #b83280; }
svg .point { fill: #ffffff; stroke-width: 2; stroke-dasharray: none; }
@media (prefers-color-scheme: dark) {
  body { background: #0d1117; color: #e6edf3; }
  a { color: #58a6ff; }
  th, td { border-color: #30363d; }
  code { background: #1c232c; }
  .over { color: #ff7b72; }
  svg text { stroke: #0d1117; }
  svg text.over { fill: #ff7b72; }
  svg rect.ours { fill: #4c8df0; }
  svg .limit { stroke: #e6edf3; }
  svg .point { fill: #0d1117; }
}
"""


class Report(NamedTuple):
    """Everything that the report says. machine: facts, by name. missing: by title, why something
    was not measured. written: the time, as text. seconds: the duration of the run. failed: a line
    for each measurement that should have been made and could not."""

    sections: Sequence[Section]
    missing: Mapping[str, str]
    machine: Mapping[str, str]
    written: str
    seconds: float
    failed: Sequence[str] = ()

    @property
    def problems(self) -> list[str]:
        """A line for each failed measurement and each figure over its limit."""
        return [*self.failed, *(f"over its limit: {name}" for name in self.over)]

    @property
    def over(self) -> list[str]:
        return [name for section in self.sections for name in section.over]

    @property
    def judged(self) -> int:
        """How many figures have a limit."""
        return sum(bool(row.verdict) for section in self.sections for row in section.rows)


def page(report: Report) -> str:
    """Return the whole page."""
    title = "OCF resource agents for OpenStack: measurements"
    body = E.body(E.h1(title), *summary(report), *contents(report), *machine(report))
    for number, section in enumerate(report.sections):
        body.append(one(section, f"m{number}"))
    head = E.head(
        E.meta(charset="utf-8"),
        E.meta(name="viewport", content="width=device-width, initial-scale=1"),
        E.meta(name="color-scheme", content="light dark"),
        E.title(title),
        E.style(STYLE + LOOKS),
    )
    made = etree.tostring(E.html(head, body, lang="en"), method="html", encoding="unicode")
    return f"<!DOCTYPE html>\n{made}\n"


def verdict(report: Report) -> str:
    """Say in a sentence or two whether all figures are within their limits and none is missing."""
    failed = f" FAILED to measure: {len(report.failed)}." if report.failed else ""
    if report.over:
        return f"OVER the limit: {len(report.over)} of {report.judged} figures.{failed}"
    if not report.judged:
        return f"No figure that has a limit was measured.{failed}"
    return f"Within the limit: {report.judged} of {report.judged} figures.{failed}"


def summary(report: Report) -> Iterator[Any]:
    yield E.p(E.strong(verdict(report)), {"class": "over" if report.problems else "ok"})
    if report.problems:
        yield E.ul(*(E.li(line, {"class": "over"}) for line in report.problems))
    minutes, seconds = divmod(round(report.seconds), 60)
    yield E.p(
        f"Written by make bench on {report.written}, after {minutes} min {seconds} s. "
        "CPU times are ratios to a bare Python interpreter, which is measured in turn with them: "
        "a time alone is valid for one machine only. The same figures are in report.json."
    )


def contents(report: Report) -> Iterator[Any]:
    items = []
    for number, section in enumerate(report.sections):
        link = E.a(section.measurement.title, href=f"#m{number}")
        items.append(E.li(link, *([" ", E.b(OVER, {"class": "over"})] if section.over else [])))
    for title, why in report.missing.items():
        items.append(E.li(f"{title}: not measured here; {why}"))
    yield E.ul(*items)


def machine(report: Report) -> Iterator[Any]:
    yield E.h2("The machine")
    rows = [E.tr(E.th(name), E.td(value)) for name, value in report.machine.items()]
    yield E.div(E.table(E.tbody(*rows)), {"class": "wide machine"})


def one(section: Section, anchor: str) -> Any:
    """Return a section: what was measured, its plots, its table, and the command to repeat it."""
    measurement = section.measurement
    made = E.section(E.h2(measurement.title), E.p(sentence(section.told)), id=anchor)
    if measurement.claim:
        made.append(E.p(f"The paper: {measurement.claim.words}."))
    for picture in plots(section):
        made.append(etree.fromstring(picture))
    made.append(E.div(table(section), {"class": "wide"}))
    made.append(E.p("To repeat: ", E.code(section.command)))
    return made


def sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def table(section: Section) -> Any:
    rows = []
    for row in section.rows:
        look = {"class": "over"} if row.verdict == OVER else {}
        rows.append(E.tr(E.th(row.name, scope="row"), *map(E.td, section.cells(row)), look))
    head = E.tr(*(E.th(name, scope="col") for name in ["", *section.heads]))
    return E.table(E.thead(head), E.tbody(*rows))
