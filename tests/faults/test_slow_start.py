"""A daemon that takes long to serve or to die: start waits for it, and no longer than needed."""

from __future__ import annotations

import pytest

from tests import pace
from tests.faults.aftermath import check_serving, check_stopped
from tests.faults.rig import Rig

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("witnesses")]

WORDS = "oslo_db.exception.DBConnectionError: (2003) cannot connect to 10.0.0.5"


def test_a_daemon_that_binds_first_and_answers_after_ten_seconds(rig: Rig) -> None:
    """Like a uwsgi whose application takes 10 s to load; api_timeout is shorter."""
    rig.set(answer_after=10)
    result = rig.start(timeout=60)
    assert result.seconds > 10 and pace.is_within(result.seconds, 14)
    check_serving(rig)
    check_stopped(rig, rig.stop(timeout=60))


@pytest.mark.parametrize("way", [{"mode": "500"}, {"answer_after": "60"}])
def test_a_daemon_that_dies_after_two_seconds(rig: Rig, way: dict[str, str]) -> None:
    rig.set(words=WORDS, die_after=2, **way)
    result = rig.caller("start", timeout=60)
    assert result.code == 1
    assert result.reason == f"the daemon exited with 9 during start: {WORDS}"
    assert result.seconds > 2 and pace.is_within(result.seconds, 5)
    check_stopped(rig, rig.stop(timeout=60))


def test_a_consumer_that_dies_before_it_is_connected(unstarted: Rig) -> None:
    unstarted.set(words=WORDS, die_after=3, connect_after=60)
    result = unstarted.caller("start", timeout=60)
    assert result.code == 1
    assert result.reason == f"the daemon exited with 9 during start: {WORDS}"
    assert result.seconds > 3 and pace.is_within(result.seconds, 6)
    check_stopped(unstarted, unstarted.stop(timeout=60))
