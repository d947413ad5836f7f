"""Actions of one instance at once: each ends with a code that is legal for it, and what is left is
one daemon that a probe knows, or none."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.faults.aftermath import check_no_state, check_serving, check_stopped, parents
from tests.faults.rig import Rig

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("witnesses")]

# stop is 0 whoever else is at work; a start may find that its daemon was told to end.
LEGAL = {"start": {0, 1}, "stop": {0}, "monitor": {0, 1, 7}}
# What is called, and the pause between two calls: that of a lock's holder who is half done.
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
    """A second daemon could listen beside it, and nothing but the agent prevents that."""
    return make_rig().set(reuse_port="yes")


def call_together(rig: Rig, actions: str, pause: float = 0.0) -> list[int]:
    """Their codes. None takes as long as an operator would wait: each begins at once, or `pause`
    after the one before."""
    began, children = time.monotonic(), []
    for action in actions.split():
        children.append((action, rig.spawn(action)))
        if pause:
            time.sleep(pause)
    for action, child in children:
        said = child.communicate(timeout=20)[1]
        assert child.returncode in LEGAL[action], (action, child.returncode, said)
        assert "bug in the agent" not in said
    assert time.monotonic() - began < 10
    return [child.returncode for _, child in children]


def check_consistent(rig: Rig) -> None:
    """What runs is whole and known, or nothing runs and nothing is left."""
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
    """Whose parent dies while they are called."""
    rig.set(orphans="yes")
    rig.start()
    rig.parent.kill()
    call_together(rig, actions)
    if "stop" not in actions:
        assert parents(rig) == []
        rig.stop()
    check_consistent(rig)
