"""The picture shows the events, whatever characters they contain."""

from __future__ import annotations

from lxml import etree

from .picture import BARS, draw
from .recorder import Event
from .standing import DEGRADED, HEALTHY

SVG = "{http://www.w3.org/2000/svg}"
EVENTS = [
    Event(1000, "state", "p_a", "p_a healthy", "node-1", HEALTHY),
    Event(1000, "state", "p_b", "p_b healthy", "node-2", HEALTHY),
    Event(1010, "away", "broker", "stopping RabbitMQ"),
    Event(1012, "away", "database", "stopping MariaDB"),
    Event(1020, "state", "p_a", 'p_a degraded: "<&>"', "node-1", DEGRADED, '"<&>"'),
    Event(1030, "back", "broker", "RabbitMQ is back"),
    Event(1040, "back", "database", "MariaDB is back"),
    Event(1050, "start", "p_b", "p_b was started on node-2", "node-2"),
    Event(1050, "state", "p_a", "p_a healthy again", "node-1", HEALTHY),
]


def boxes(picture: object, title: str) -> list[tuple[float, float]]:
    """Return the left edge and the width of each box with this title."""
    return [
        (float(box.get("x")), float(box.get("width")))
        for box in picture.iter(f"{SVG}rect")  # type: ignore[attr-defined]
        if box[0].text == title
    ]


def test_bars_and_columns_are_where_the_events_were() -> None:
    picture = etree.fromstring(draw(["p_a", "p_b"], EVENTS))
    ((away, width),) = boxes(picture, "RabbitMQ + MariaDB down")
    ((degraded, length),) = boxes(picture, 'p_a degraded: "<&>" (node-1)')
    ((first, before),) = boxes(picture, "p_a healthy (node-1)")
    (whole,) = boxes(picture, "p_b healthy (node-2)")
    # p_a is healthy for 20 s, the outage of 30 s begins after 10 s, p_a is degraded for 30 s
    second = before / 20
    assert abs(away - first - 10 * second) < 0.2
    assert abs(width - 30 * second) < 0.2
    assert abs(degraded - first - 20 * second) < 0.2
    assert abs(length - 30 * second) < 0.2
    assert whole[0] == first
    marks = [each for each in picture.iter(f"{SVG}path") if each.get("class") == "mark"]
    assert "p_b was started on node-2" in [each[0].text for each in marks]


def test_legend_has_every_state() -> None:
    picture = etree.fromstring(draw(["p_a"], EVENTS[:1]))
    assert set(BARS) <= {each.text for each in picture.iter(f"{SVG}text")}


def test_what_is_still_away_at_the_end_is_shown() -> None:
    picture = etree.fromstring(draw(["p_a", "p_b"], EVENTS[:4]))
    assert len(boxes(picture, "RabbitMQ + MariaDB down")) == 1
