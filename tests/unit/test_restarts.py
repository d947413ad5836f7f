"""The demo's check that nothing was restarted but what it broke."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.bed.cluster import Failure
from tests.bed.restarts import LOG, Restarted, Starts

LINE = (
    "Nov 28 15:56:03.021 node-1 pacemaker-controld  [101] (log_executor_event) 	notice: "
    "Result of {} operation for {} on node-1: ok | graph action confirmed; call=14\n"
)
BOTH = ("p_ip", "p_keystone")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Pacemaker's log of a node; the other node has none yet."""
    path = tmp_path / "node-1" / LOG
    path.parent.mkdir(parents=True)
    path.write_text(LINE.format("start", "fence"))
    return path


@pytest.fixture
def starts(log: Path, tmp_path: Path) -> Starts:
    nodes = [SimpleNamespace(folder=tmp_path / name) for name in ("node-1", "node-2")]
    failed = Failure("p_keystone", "node-1", "monitor", 30000, 1, "did not answer", "complete")
    cluster = SimpleNamespace(bed=SimpleNamespace(nodes=nodes), failures=lambda: [failed])
    return Starts(cluster, BOTH)  # type: ignore[arg-type]


def add(log: Path, action: str, *resources: str) -> None:
    with log.open("a") as file:
        file.writelines(LINE.format(action, name) for name in resources)


def test_expected_starts_are_awaited(starts: Starts, log: Path) -> None:
    assert starts.are_done()
    starts.expect(*BOTH)
    assert not starts.are_done()
    add(log, "start", "p_ip")
    add(log, "stop", "p_keystone")
    add(log, "monitor", "p_keystone")
    assert not starts.are_done()
    add(log, "start", "p_keystone")
    assert starts.are_done()
    starts.expect("p_keystone")
    assert not starts.are_done()


def test_start_that_nobody_caused_is_told_with_the_reason(starts: Starts, log: Path) -> None:
    starts.expect("p_keystone")
    add(log, "start", "p_keystone", "p_keystone")
    wanted = "starts of p_keystone: 2; with a reason: 1;.*monitor on node-1: did not answer"
    with pytest.raises(Restarted, match=wanted):
        starts.are_done()


def test_a_resource_with_a_longer_name_is_another(starts: Starts, log: Path) -> None:
    add(log, "start", "p_keystone2", "p_keystone:1")
    assert starts.are_done()
