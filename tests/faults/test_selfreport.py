"""Check level 20 reads the API's list of services and their states. A service reported as down is
degraded (190) until its down-time has passed, then at fault (1). The service is not to blame if the
list cannot be read."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.faults.neighbours import Neighbours, conductor, seen_well
from tests.faults.rig import LATE, PASSWORD, Rig

pytestmark = pytest.mark.root

DEGRADED = 190
# Seconds; the default of Compute's services.
DOWN_TIME = 60
LIST = "GET /v3/os-services"
SAYS = "Compute reports nova-conductor on one as down"


def report(identity: Rig, state: str) -> None:
    """Set the conductor's state in Compute's list for host one; the scheduler is up."""
    same = {"host": "one", "updated_at": "2024-05-01T10:30:00.000000"}
    rows = [
        {"binary": "nova-conductor", "state": state, **same},
        {"binary": "nova-scheduler", "state": "up", **same},
    ]
    identity.set(services=json.dumps(rows))


@pytest.fixture
def reporting(make_rig: Callable[..., Rig], near: Neighbours, identity: Rig) -> Rig:
    """A running service without an API; its monitor has found no trouble."""
    identity.set(password=PASSWORD)
    rig = conductor(make_rig, near)
    rig.give_credentials(os_auth_url=f"http://127.0.0.1:{identity.port}/v3")
    rig.configure(host="one").start()
    return seen_well(rig, 10)


def test_down_is_degraded_until_its_down_time_has_passed_and_then_1(
    reporting: Rig, identity: Rig
) -> None:
    report(identity, "up")
    assert reporting.monitor(20).code == 0
    report(identity, "down")
    for aged in (0, DOWN_TIME - LATE):
        reporting.age(aged)
        result = reporting.monitor(20)
        assert result.code == DEGRADED, result
        assert result.reason.startswith(SAYS)
        assert result.reason.endswith(f"not yet for its down-time of {DOWN_TIME} s (degraded)")
    assert reporting.probe(level=20).code == 0
    reporting.age(LATE + 1)
    result = reporting.monitor(20)
    assert result.code == 1
    assert result.reason.startswith(SAYS + " for ")
    assert result.reason.endswith(f", while others are up (its down-time is {DOWN_TIME} s)")
    report(identity, "up")
    assert reporting.monitor(20).code == 0


@pytest.mark.parametrize("outage", ["the list errs", "Identity is down", "a wrong password"])
def test_a_list_that_is_not_seen_is_never_1(reporting: Rig, identity: Rig, outage: str) -> None:
    report(identity, "down")
    assert reporting.monitor(20).code == DEGRADED
    reporting.age(DOWN_TIME + 1)
    if outage == "the list errs":
        identity.answer(LIST, "503")
    elif outage == "Identity is down":
        identity.stop()
    else:
        identity.set(password="rotated")
    for _ in range(2):
        result = reporting.monitor(20)
        assert result.code == DEGRADED, result
        assert SAYS not in result.reason
        reporting.age(DOWN_TIME + 1)


def test_only_depth_20_asks_and_only_with_credentials(reporting: Rig, identity: Rig) -> None:
    report(identity, "down")
    for level in (0, 10, None):
        assert reporting.monitor(level).code == 0
    assert reporting.monitor(20, os_password="").code == 0
    assert identity.count("request") == identity.count("request GET / ")
    assert reporting.monitor(20).code == DEGRADED
    assert identity.count("request " + LIST) > 0
