"""A service that connects to its database only when it needs it: a missing connection is no fault,
but a database that is down is one (190)."""

from __future__ import annotations

import pytest

from tests.faults.neighbours import Neighbours, place, second, seen_well, take_away
from tests.faults.rig import Rig

pytestmark = pytest.mark.root

DEGRADED = 190
# A successful check of the database counts for less than this many seconds.
LATER = 60


@pytest.fixture
def worker(worker: Rig) -> Rig:
    """The running service; its monitors have found no trouble."""
    return seen_well(worker)


def test_no_connection_to_a_database_that_is_there_is_fine(worker: Rig, near: Neighbours) -> None:
    for _ in range(2):
        worker.age(LATER)
        seen_well(worker)
    assert near.database.logins > 1


@pytest.mark.parametrize("how", ["refuses", "hangs", "too many"])
def test_a_database_that_is_gone_is_degraded(worker: Rig, near: Neighbours, how: str) -> None:
    take_away(near, how)
    worker.age(LATER)
    result = second(worker)
    for _ in range(2):
        assert result.code == DEGRADED
        assert result.reason.startswith(f"database {place(near.database)} ")
        worker.age(LATER)
        result = worker.monitor()
    near.database.thaw()
    near.database.refusal = None
    if near.database.listener is None:
        near.database.come_back()
    assert worker.monitor().code == 0


def test_a_connection_that_it_holds_is_evidence_of_its_database(
    unstarted: Rig, near: Neighbours
) -> None:
    unstarted.set(connect=f"{near.broker.port} {near.database.port}").start()
    seen_well(unstarted)
    near.database.refuse()
    unstarted.age(LATER)
    seen_well(unstarted)
    near.database.go()
    assert second(unstarted).code == DEGRADED
