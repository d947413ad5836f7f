"""Concurrent actions on one instance: each returns a legal code. In the end one daemon runs and the
probe returns 0, or none runs."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests import pace
from tests.faults.aftermath import check_no_state, check_serving, check_stopped, parents
from tests.faults.rig import Rig

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("witnesses")]

# stop always returns 0; a start may fail because a concurrent stop ended its daemon.
LEGAL = {"start": {0, 1}, "stop": {0}, "monitor": {0, 1, 7}}
# Actions, and the seconds between two calls. A pause lets an action hold the lock, half done.
TOGETHER = [
    ("start start start", 0),
    ("stop stop stop", 0),
    ("start stop", 0),
    ("start stop", 0.1),
    ("start stop start stop", 0.05),
    ("start monitor stop monitor", 0),
]


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    """An instance beside which a second daemon could listen; only the agent prevents that."""
    return make_rig().set(reuse_port="yes")


def call_together(rig: Rig, actions: str, pause: float = 0.0) -> list[int]:
    """Call the actions `pause` seconds apart; return their codes. Together they must take less than
    10 s."""
    began, children = time.monotonic(), []
    for action in actions.split():
        children.append((action, rig.spawn(action)))
        if pause:
            time.sleep(pause)
    for action, child in children:
        said = child.communicate(timeout=pace.seconds(20))[1]
        assert child.returncode in LEGAL[action], (action, child.returncode, said)
        assert "bug in the agent" not in said
    assert pace.is_within(time.monotonic() - began, 10)
    return [child.returncode for _, child in children]


def check_consistent(rig: Rig) -> None:
    """Assert that a whole daemon runs, or none, and that a stop leaves nothing."""
    if rig.pids:
        check_serving(rig)
        check_stopped(rig, rig.stop(timeout=60))
    assert rig.probe().code == 7
    check_no_state(rig)


@pytest.mark.parametrize("before", ["stopped", "running"])
@pytest.mark.parametrize(("actions", "pause"), TOGETHER)
def test_at_once(rig: Rig, actions: str, before: str, pause: float) -> None:
    if before == "running":
        rig.start()
    codes = call_together(rig, actions, pause)
    if "stop" not in actions:
        assert set(codes) == {0}
        assert rig.count("born parent") == 1
    if "start" not in actions:
        assert rig.pids == []
    assert len(parents(rig)) <= 1
    check_consistent(rig)


@pytest.mark.parametrize("actions", ["start start", "start stop"])
def test_at_once_over_a_daemon_without_a_record(rig: Rig, actions: str) -> None:
    rig.start()
    rig.lose_state()
    call_together(rig, actions)
    check_consistent(rig)


@pytest.mark.parametrize("actions", ["start start", "start stop", "stop stop"])
def test_at_once_over_orphans(rig: Rig, actions: str) -> None:
    """The parent is killed just before the actions; its workers live on."""
    rig.set(orphans="yes")
    rig.start()
    rig.parent.kill()
    call_together(rig, actions)
    if "stop" not in actions:
        assert parents(rig) == []
        rig.stop()
    check_consistent(rig)
