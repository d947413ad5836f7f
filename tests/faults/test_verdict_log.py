"""The log of monitors: each bad result is logged once while it lasts, and once when it is over.
Degraded is a warning, failed is an error."""

from __future__ import annotations

import pytest

from tests.faults.neighbours import Neighbours, lose, place, second
from tests.faults.rig import Rig

pytestmark = pytest.mark.root

DEGRADED = 190
WARNED = "WARNING: monitor"


def said(rig: Rig, word: str) -> list[str]:
    """The monitors' log lines that contain this word, without time and PID."""
    lines = (line.partition("\t")[2].partition(" ")[2] for line in rig.agent_log.splitlines())
    return [line for line in lines if word in line]


def test_a_verdict_that_lasts_is_logged_once(running: Rig) -> None:
    running.set(mode="500")
    for _ in range(3):
        assert running.monitor().code == 1
    (line,) = said(running, "ERROR")
    assert line == f"ERROR: monitor: API http://127.0.0.1:{running.port}/ answered 500"


def test_every_poll_has_its_reason_though_it_is_not_logged(running: Rig) -> None:
    """Pacemaker shows the reason of the last poll."""
    running.set(mode="500")
    reasons = {running.monitor().reason for _ in range(3)}
    assert reasons == {f"API http://127.0.0.1:{running.port}/ answered 500"}


def test_another_verdict_is_logged_again(running: Rig) -> None:
    for mode in ("500", "500", "garbage", "garbage", "500"):
        running.set(mode=mode)
        assert running.monitor().code == 1
    first, other, last = said(running, "ERROR")
    assert "answered 500" in first
    assert "sent no HTTP" in other
    assert last == first


def test_the_end_of_it_is_logged_once(running: Rig) -> None:
    running.set(mode="500")
    assert running.monitor().code == 1
    running.set(mode="ok")
    for _ in range(3):
        assert running.monitor().code == 0
    (line,) = said(running, "well again")
    assert line.startswith("INFO: monitor: well again, after API http://127.0.0.1:")
    running.set(mode="500")
    assert running.monitor().code == 1
    assert len(said(running, "ERROR")) == 2


def test_what_counts_up_is_no_change(worker: Rig, near: Neighbours) -> None:
    lose(worker)
    assert second(worker).code == DEGRADED
    for seconds in (7, 20, 27):
        worker.age(seconds)
        last = worker.monitor()
    assert last.code == DEGRADED
    assert " for 5" in last.reason
    degraded = [line for line in said(worker, WARNED) if "it has 60 s to reconnect" in line]
    assert len(degraded) == 1


def test_degraded_and_then_failed_are_two_verdicts(worker: Rig, near: Neighbours) -> None:
    lose(worker)
    assert second(worker).code == DEGRADED
    worker.age(70)
    for _ in range(2):
        assert worker.monitor().code == 1
    (degraded,), (failed,) = said(worker, WARNED), said(worker, "ERROR")
    assert "it has 60 s to reconnect" in degraded
    assert failed.startswith("ERROR: monitor: no AMQP connection to")


def test_degraded_is_logged_once_too(worker: Rig, near: Neighbours) -> None:
    near.broker.go()
    for _ in range(4):
        worker.monitor()
    (line,) = said(worker, WARNED)
    assert said(worker, "ERROR") == []
    assert line.startswith(f"{WARNED}: broker {place(near.broker)} refused")


def test_levels_speak_for_themselves(running: Rig) -> None:
    """Level 0 succeeds while level 10 fails."""
    running.set(mode="500")
    for _ in range(3):
        assert running.monitor(0).code == 0
        assert running.monitor(10).code == 1
    assert len(said(running, "ERROR")) == 1
    assert said(running, "well again") == []


def test_a_probe_is_logged_each_time_and_ends_nothing(running: Rig) -> None:
    """A probe runs on request, so its result is always logged."""
    running.set(mode="500")
    assert running.monitor().code == 1
    for _ in range(2):
        assert running.probe().code == 1
    assert len(said(running, "ERROR")) == 3
    running.set(mode="ok")
    assert running.probe().code == 0
    assert said(running, "well again") == []
    assert running.monitor().code == 0
    assert len(said(running, "well again")) == 1


def test_a_healthy_service_says_nothing(worker: Rig) -> None:
    before = worker.agent_log
    for level in (0, 10, 20, 10):
        assert worker.monitor(level).code == 0
    assert worker.agent_log == before
