"""The storm of `make storm` with fewer services, shorter outages and more frequent monitors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lxml import etree

from tests.storm.__main__ import perform
from tests.storm.play import FROZEN
from tests.storm.services import FEWER, names

pytestmark = [pytest.mark.root, pytest.mark.cluster]

INTERVALS = (3, 4)
OUTAGE_SECONDS = 20
HEAL_SECONDS = 90
SVG = "{http://www.w3.org/2000/svg}"


def test_a_dependency_that_goes_away_restarts_nothing(stage: Path, tmp_path: Path) -> None:
    """Keystone, RabbitMQ and MariaDB go away and come back, one by one, then all three together;
    then nova-api hangs."""
    play = perform(stage, tmp_path, FEWER, INTERVALS, OUTAGE_SECONDS, HEAL_SECONDS)
    assert play.problems == []
    assert [len(outage.gone) for outage in play.outages] == [1, 1, 1, 3]

    kept = json.loads((tmp_path / "timeline.json").read_text())
    assert kept["resources"] == names(FEWER)
    failed = [each["subject"] for each in kept["events"] if each["kind"] == "fail-count"]
    assert failed == [FROZEN]
    picture = etree.parse(str(tmp_path / "storm.svg"))
    shown = [each.text for each in picture.iter(f"{SVG}text")]
    assert {name.removeprefix("p_") for name in names(FEWER)} <= set(shown)
    assert "Keystone + RabbitMQ + MariaDB down" in shown
