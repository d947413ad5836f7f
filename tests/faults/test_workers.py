"""A parent without its workers does no work: it is at fault (1) at every level, unless it forks new
ones or never had any. test_monitor.py has the tests of a dead parent."""

from __future__ import annotations

from collections.abc import Callable

import psutil
import pytest

from tests import pace
from tests.faults.neighbours import Neighbours, conductor
from tests.faults.rig import Rig, wait_until

pytestmark = pytest.mark.root

LEVELS = [0, None, 10, 20]


def kill_workers(rig: Rig, how_many: int | None = None) -> None:
    killed = [psutil.Process(pid) for pid in rig.born("worker")[:how_many]]
    for process in killed:
        process.kill()
    wait_until(lambda: not any(p.is_running() for p in killed), "they are dead and reaped")


def has_no_worker_left(rig: Rig, level: int | None) -> bool:
    result = rig.monitor(level)
    said = result.reason.startswith(f"PID {rig.parent.pid} has no worker left")
    return result.code == 1 and said


@pytest.mark.parametrize("title", ["", "title_of_parent", "title_of_workers"])
def test_a_parent_that_lost_every_worker_is_1(rig: Rig, title: str) -> None:
    if title:
        # the form of the titles of neutron's workers
        line = f"/usr/bin/python3 -SB {rig.binary} --config-file={rig.config}"
        rig.set(**{title: f"keystone: rpc worker ({line})"})
    rig.start()
    kill_workers(rig)
    assert has_no_worker_left(rig, 0)
    if not title:
        assert has_no_worker_left(rig, 10)
        assert rig.probe(level=0).code == 1
        assert rig.caller("status").code == 1
    rig.stop()
    rig.start()
    assert rig.monitor(0).code == 0


def test_a_consumer_that_lost_every_worker_is_1(
    make_rig: Callable[..., Rig], near: Neighbours
) -> None:
    """Its parent is still connected to the broker."""
    rig = conductor(make_rig, near)
    rig.start()
    assert rig.monitor().code == 0
    kill_workers(rig)
    for level in (0, 20):
        assert has_no_worker_left(rig, level)


def test_a_second_start_does_not_forget_that_there_were_workers(
    make_rig: Callable[..., Rig], near: Neighbours
) -> None:
    rig = conductor(make_rig, near)
    rig.start()
    kill_workers(rig)
    rig.start()
    assert has_no_worker_left(rig, 0)


def test_no_worker_is_its_own_fault_with_its_neighbours_gone(
    make_rig: Callable[..., Rig], near: Neighbours
) -> None:
    rig = conductor(make_rig, near)
    rig.start()
    near.broker.go()
    near.database.go()
    kill_workers(rig)
    assert has_no_worker_left(rig, 10)


def test_a_dead_parent_with_its_neighbours_gone_is_1(
    make_rig: Callable[..., Rig], near: Neighbours
) -> None:
    rig = conductor(make_rig, near)
    rig.set(orphans="yes").start()
    near.broker.go()
    near.database.go()
    rig.parent.kill()
    wait_until(lambda: rig.pids == sorted(rig.born("worker")), "the parent is gone")
    for level in LEVELS:
        result = rig.monitor(level)
        assert result.code == 1
        assert "parent process is gone" in result.reason


@pytest.mark.parametrize("after", ["0", "0.8"])
def test_workers_that_are_replaced_are_no_fault(rig: Rig, after: str) -> None:
    rig.set(respawn="yes", respawn_after=after).start()
    for level in LEVELS:
        for process in [p for p in rig.processes() if p.pid != rig.parent.pid]:
            process.kill()
        result = rig.monitor(level)
        assert result.code == 0, result


def test_some_workers_are_enough_for_the_processes(rig: Rig) -> None:
    rig.start()
    kill_workers(rig, 1)
    assert rig.monitor(0).code == 0
    assert rig.monitor().code == 0


@pytest.mark.parametrize("level", LEVELS)
def test_a_daemon_that_never_had_workers_needs_none(rig: Rig, level: int | None) -> None:
    rig.set(workers=0).start()
    result = rig.monitor(level)
    assert result.code == 0
    assert pace.is_within(result.seconds, 2)


def test_a_consumer_that_never_had_workers_needs_none(
    make_rig: Callable[..., Rig], near: Neighbours
) -> None:
    rig = conductor(make_rig, near)
    rig.set(workers=0).start()
    for level in LEVELS:
        assert rig.monitor(level).code == 0


def test_a_daemon_that_was_adopted_with_workers_needs_them(rig: Rig) -> None:
    rig.run_by_hand()
    wait_until(lambda: rig.count("born worker") == 2, "it runs")
    rig.start()
    kill_workers(rig)
    assert has_no_worker_left(rig, 0)


def test_workers_that_left_the_family_are_not_missed(rig: Rig) -> None:
    """They are children of PID 1 from the start."""
    rig.set(double_fork="yes").start()
    for level in LEVELS:
        assert rig.monitor(level).code == 0


def test_every_worker_frozen_is_1(make_rig: Callable[..., Rig], near: Neighbours) -> None:
    rig = conductor(make_rig, near)
    rig.start()
    for pid in rig.born("worker"):
        psutil.Process(pid).suspend()
    wait_until(
        lambda: all(
            psutil.Process(pid).status() == psutil.STATUS_STOPPED for pid in rig.born("worker")
        ),
        "they froze",
    )
    assert has_no_worker_left(rig, 0)
    assert has_no_worker_left(rig, 10)
