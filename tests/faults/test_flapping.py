"""Dependencies that come and go: a failure is reported from the second poll in a row. A service is
not to blame for the time that it needs to recover afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.neighbours import Neighbours, compute, second
from tests.faults.rig import Rig

pytestmark = pytest.mark.root

DEGRADED = 190
FLAVORS = "GET /v2/p1/flavors"
# Seconds. RECOVERY: a service may fail for this long after its dependency has come back. INTERVAL:
# between two polls, in which the dependency may have come back at any time.
RECOVERY, INTERVAL = 30, 10


@pytest.fixture
def api(make_rig: Callable[..., Rig], near: Neighbours, identity: Rig) -> Rig:
    """A running Compute API; its monitor has returned 0."""
    rig = compute(make_rig, near, identity)
    rig.start()
    assert rig.monitor().code == 0
    return rig


def test_a_neighbour_that_flaps_is_no_news(api: Rig, near: Neighbours) -> None:
    api.age(60)
    for _ in range(3):
        near.database.go()
        assert api.monitor().code == 0
        near.database.come_back()
        assert api.monitor().code == 0
        api.age(60)
    assert "ERROR" not in api.agent_log


def test_each_level_takes_its_own_two_polls(api: Rig, near: Neighbours) -> None:
    near.database.go()
    api.answer(FLAVORS, "500")
    assert second(api, 10).code == DEGRADED
    assert second(api, 20).code == DEGRADED


def test_a_second_trouble_is_no_pause_of_the_first(
    api: Rig, near: Neighbours, identity: Rig
) -> None:
    near.database.go()
    api.age(60)
    assert second(api).code == DEGRADED
    near.database.come_back()
    identity.stop()
    api.age(60)
    assert api.monitor().code == DEGRADED
    assert "well again" not in api.agent_log


def test_another_poll_between_the_levels_is_no_second_poll(api: Rig, near: Neighbours) -> None:
    near.database.go()
    api.answer(FLAVORS, "500")
    assert api.monitor(10).code == 0
    assert api.monitor(0).code == 0
    assert api.probe().code == 0
    assert api.monitor(10).code == DEGRADED


def test_an_api_has_time_to_recover_after_its_database(api: Rig, near: Neighbours) -> None:
    near.database.go()
    api.answer(FLAVORS, "500")
    assert second(api).code == DEGRADED
    near.database.come_back()
    for _ in range(2):
        result = api.monitor()
        assert result.code == DEGRADED
        assert result.reason.startswith(f"API http://127.0.0.1:{api.port}/v2/p1/flavors answered")
        assert "database was away until " in result.reason
        api.age(RECOVERY / 2 - 3)
    api.age(7 + INTERVAL)
    result = api.monitor()
    assert result.code == 1
    assert "away" not in result.reason
    api.answer(FLAVORS, "ok")
    assert api.monitor().code == 0


def test_an_api_that_errs_long_after_an_outage_is_1_at_once(api: Rig, near: Neighbours) -> None:
    near.database.go()
    api.age(60)
    assert second(api).code == DEGRADED
    near.database.come_back()
    assert api.monitor().code == 0
    api.answer(FLAVORS, "500")
    assert api.monitor().code == 1
