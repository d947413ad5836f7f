"""All resources of a node with the same credentials share one log-in, and one refusal."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests import pace
from tests.faults.rig import PASSWORD, Rig, wait_until

pytestmark = pytest.mark.root

LOG_IN = "POST /v3/auth/tokens"
ASKED = f"request {LOG_IN}"


@pytest.fixture
def identity(make_rig: Callable[..., Rig]) -> Rig:
    """A running Identity that knows one user."""
    made = make_rig(folder="identity")
    made.set(password=PASSWORD)
    made.start()
    return made


@pytest.fixture
def services(make_rig: Callable[..., Rig], identity: Rig) -> list[Rig]:
    """Three services of one node with the same credentials; none is started yet."""
    made = [make_rig(agent="nova-api", folder=f"service{number}") for number in range(3)]
    for rig in made:
        rig.configure(transport_url="fake://")
        rig.caller.rsctmp = made[0].caller.rsctmp
        rig.parameters.update(
            os_auth_url=f"http://127.0.0.1:{identity.port}/v3",
            os_username="admin",
            os_password=PASSWORD,
            os_project_name="admin",
        )
    return made


def test_three_resources_make_one_log_in(services: list[Rig], identity: Rig) -> None:
    for rig in services:
        rig.start()
    for rig in services * 2:
        assert rig.monitor().code == 0
    assert identity.count("login") == 1


def test_three_that_need_a_token_at_once_make_one_log_in(
    services: list[Rig], identity: Rig
) -> None:
    for rig in services:
        rig.start()
    services[0].token_file.unlink()
    before = identity.count("login")
    identity.answer(LOG_IN, "slow:1")
    polls = [rig.spawn("monitor", timeout=60) for rig in services]
    assert [poll.wait(pace.seconds(60)) for poll in polls] == [0, 0, 0]
    assert identity.count("login") == before + 1


def test_whoever_sees_the_end_first_renews_and_nobody_waits(
    services: list[Rig], identity: Rig
) -> None:
    for rig in services:
        rig.start()
    services[0].leave_token(200)
    before = identity.count(ASKED)
    identity.answer(LOG_IN, "hang")
    renewing = services[0].spawn("monitor", timeout=60, api_timeout=30)
    wait_until(lambda: identity.count(ASKED) == before + 1, "one of them renews")
    for rig in services[1:]:
        assert rig.monitor().code == 0
    assert renewing.poll() is None
    assert identity.count(ASKED) == before + 1
    identity.answer(LOG_IN, "ok")


def test_a_refusal_counts_for_all(services: list[Rig], identity: Rig) -> None:
    for rig in services:
        rig.start(os_password="wrong")
    for rig in services:
        result = rig.monitor(os_password="wrong")
        assert result.code == 190
        assert "tried again in " in result.reason[:128]
    assert identity.count("login") == 1
    assert services[0].caller("reload-agent", os_password="wrong").code == 0
    for rig in services:
        assert rig.monitor(os_password="wrong").code == 190
    assert identity.count("login") == 2, "an operator wants one more"


def test_a_token_that_identity_forgets_is_renewed_once(services: list[Rig], identity: Rig) -> None:
    """Its keys were rotated out, or its database was restored."""
    for rig in services:
        rig.start()
    issued = float(services[0].token_file.read_text().splitlines()[3].split("-")[2])
    for rig in (identity, *services):
        rig.set(revoked=issued + 0.001)
    for rig in services * 2:
        assert rig.monitor().code == 0
    assert identity.count("login") == 2


def test_a_stop_leaves_the_token_to_the_others(services: list[Rig], identity: Rig) -> None:
    for rig in services:
        rig.start()
    services[0].stop()
    assert services[1].monitor().code == 0
    services[0].start()
    assert services[0].monitor().code == 0
    assert identity.count("login") == 1


def test_one_that_waits_too_long_for_the_log_in_of_another_is_degraded(
    services: list[Rig], identity: Rig
) -> None:
    for rig in services[:2]:
        rig.start()
    services[0].token_file.unlink()
    before = identity.count(ASKED)
    identity.answer(LOG_IN, "hang")
    first = services[0].spawn("monitor", timeout=60, api_timeout=30)
    wait_until(lambda: identity.count(ASKED) == before + 1, "the first logs in")
    result = services[1].monitor(timeout=60)
    assert result.code in (0, 190), "0: its first poll with trouble says nothing"
    result = services[1].monitor(timeout=60)
    assert result.code == 190
    assert "Identity " in result.reason[:128]
    first.wait(pace.seconds(60))
