"""The timeline of a storm: a row for each resource, time to the right, outages as columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from tests.drawing import STYLE, box, line, opening, text

from .recorder import Event
from .services import TITLES
from .standing import DEGRADED, FAILED, HEALTHY, STARTING, STOPPED

LEFT, RIGHT, TOP, ROW, WIDTH = 160, 20, 78, 26, 1200
# Height and colour of the bar of each state; the heights tell them apart without colours.
BARS = {
    HEALTHY: (8, "#2f9e62"),
    DEGRADED: (16, "#e09f1f"),
    FAILED: (22, "#d64545"),
    STARTING: (4, "#5b8def"),
    STOPPED: (2, "#8a9099"),
}
LOOKS = """
svg { background: #ffffff; }
.head { font-weight: 600; }
.away { fill: #8250df; fill-opacity: 0.13; }
.mark { fill: #24292f; stroke: #ffffff; }
.cross { stroke: #d64545; stroke-width: 3; fill: none; }
.fault { stroke: #d64545; stroke-dasharray: 3 3; }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117; }
  .away { fill: #a371f7; fill-opacity: 0.2; }
  .mark { fill: #e6edf3; stroke: #0d1117; }
}
"""


def draw(resources: Sequence[str], events: Sequence[Event]) -> str:
    """Return the SVG as text."""
    return "".join(_Picture(resources, events).parts())


class _Picture:
    def __init__(self, resources: Sequence[str], events: Sequence[Event]) -> None:
        self.resources, self.events = resources, events
        times = [event.at for event in events] or [0.0]
        self.begin, self.end = min(times), max(times) + 5
        self.bottom = TOP + ROW * len(resources)

    def x(self, at: float) -> float:
        """Return the x coordinate of a moment."""
        part = (at - self.begin) / (self.end - self.begin)
        return round(LEFT + part * (WIDTH - LEFT - RIGHT), 1)

    def parts(self) -> Iterator[str]:
        title = "Which services were healthy, degraded, failed or restarted during the storm"
        yield opening(WIDTH, self.bottom + 64, title)
        yield f"<style>{STYLE}{LOOKS}</style>\n"
        yield text(LEFT, 20, "State of each resource in Pacemaker (time: minutes:seconds)", "head")
        yield from self.outages()
        yield from self.axis()
        for number, name in enumerate(self.resources):
            yield from self.row(name, TOP + ROW * number + ROW / 2)
        yield from self.marks()
        yield from self.legend(self.bottom + 46)
        yield "</svg>\n"

    def outages(self) -> Iterator[str]:
        """Draw a column for each outage, from the first stop to the last return."""
        for name, begin, end in self.spans():
            yield box(self.x(begin), 30, self.x(end), self.bottom, "away", f"{name} down")
            yield text(self.x(begin) + 4, 44, f"{name} down")

    def spans(self) -> Iterator[tuple[str, float, float]]:
        gone: list[str] = []
        back: set[str] = set()
        begin = 0.0
        for event in self.events:
            if event.kind == "away":
                begin = begin if gone else event.at
                gone.append(event.subject)
            elif event.kind == "back":
                back.add(event.subject)
                if back >= set(gone):
                    yield " + ".join(TITLES[each] for each in gone), begin, event.at
                    gone, back = [], set()
        if gone:
            yield " + ".join(TITLES[each] for each in gone), begin, self.end

    def axis(self) -> Iterator[str]:
        step = 60 if self.end - self.begin > 400 else 20
        for seconds in range(0, int(self.end - self.begin), step):
            x = self.x(self.begin + seconds)
            yield line(x, TOP - 6, x, self.bottom, "line")
            minutes, rest = divmod(seconds, 60)
            yield text(x, TOP - 10, f"{minutes}:{rest:02d}", "faint", "middle")

    def row(self, name: str, y: float) -> Iterator[str]:
        yield text(LEFT - 10, y + 4, name.removeprefix("p_"), anchor="end")
        mine = [each for each in self.events if each.kind == "state" and each.subject == name]
        ends = [*(each.at for each in mine[1:]), self.end]
        for event, end in zip(mine, ends):
            height, colour = BARS[event.state]
            place = (self.x(event.at), y - height / 2, self.x(end), y + height / 2)
            yield box(*place, "", f"{event.text} ({event.node})", colour)

    def marks(self) -> Iterator[str]:
        for event in self.events:
            if event.subject not in self.resources:
                continue
            x, y = self.x(event.at), TOP + ROW * self.resources.index(event.subject) + ROW / 2
            if event.kind == "start":
                yield _mark(x, y, event.text)
            elif event.kind == "fail-count":
                yield _cross(x, y, event.text)
            elif event.kind == "fault":
                yield line(x, TOP, x, self.bottom, "fault", event.text)
                yield text(x, self.bottom + 16, "nova-api frozen", "faint", "middle")

    def legend(self, y: float) -> Iterator[str]:
        x = LEFT
        for state, (height, colour) in BARS.items():
            yield box(x, y - 4 - height / 2, x + 30, y - 4 + height / 2, "", state, colour)
            yield text(x + 38, y, state)
            x += 110
        yield _cross(x + 8, y - 4, "failure")
        yield text(x + 20, y, "failure")
        yield _mark(x + 88, y - 4, "restarted")
        yield text(x + 102, y, "restarted")
        yield box(x + 210, y - 14, x + 240, y + 6, "away", "dependency down")
        yield text(x + 248, y, "dependency down")


def _mark(x: float, y: float, title: str) -> str:
    """Return a triangle that points to the right."""
    path = f"M{x - 5:.1f} {y - 8:.1f} L{x + 8:.1f} {y:.1f} L{x - 5:.1f} {y + 8:.1f} Z"
    return f'<path class="mark" d="{path}"><title>{escape(title)}</title></path>\n'


def _cross(x: float, y: float, title: str) -> str:
    path = f"M{x - 6:.1f} {y - 6:.1f} l12 12 m0 -12 l-12 12"
    return f'<path class="cross" d="{path}"><title>{escape(title)}</title></path>\n'
