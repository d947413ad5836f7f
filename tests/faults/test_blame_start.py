"""start while dependencies fail: it returns 0 with a warning if the daemon lives, because no other
node would do better. It returns 1 if all are healthy and only the daemon does not answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests import pace
from tests.faults.neighbours import Neighbours, compute, conductor, place, take_away
from tests.faults.rig import PASSWORD, Rig

pytestmark = pytest.mark.root

# Seconds for a start that waits in vain. A quarter is reserved for checking the dependencies.
TIMEOUT = 8


@pytest.fixture
def api(make_rig: Callable[..., Rig], near: Neighbours, identity: Rig) -> Rig:
    """A Compute API; nothing of it is started yet."""
    return compute(make_rig, near, identity)


def starts_with_a_warning(rig: Rig, *said: str) -> bool:
    result = rig.start(timeout=TIMEOUT)
    assert result.is_in_time
    assert result.err == ""
    assert len(rig.pids) == 3, "it runs"
    warnings = [line for line in rig.agent_log.splitlines() if "WARNING: " in line]
    assert PASSWORD not in rig.agent_log
    return any(all(words in line for words in said) for line in warnings)


@pytest.mark.parametrize(
    ("how", "mode"),
    [("refuses", "500"), ("refuses", "hang"), ("hangs", "500"), ("too many", "500")],
)
def test_an_api_that_waits_for_its_database_is_started(
    api: Rig, near: Neighbours, how: str, mode: str
) -> None:
    take_away(near, how)
    api.set(mode=mode)
    assert starts_with_a_warning(
        api, f"runs, but database {place(near.database)} ", f"API http://127.0.0.1:{api.port}/"
    )
    if mode == "hang":
        assert api.caller("start", timeout=TIMEOUT).code == 0
    api.set(mode="ok")
    near.database.refusal = None
    near.database.thaw()
    if how == "refuses":
        near.database.come_back()
    assert api.monitor().code == 0
    api.stop()


def test_an_api_that_waits_for_identity_is_started(api: Rig, identity: Rig) -> None:
    identity.set(mode="503")
    api.set(mode="500")
    assert starts_with_a_warning(api, f"Identity http://127.0.0.1:{identity.port} answered 503")


def test_an_api_that_waits_for_its_broker_is_started(api: Rig, near: Neighbours) -> None:
    near.broker.go()
    api.set(mode="hang")
    assert starts_with_a_warning(api, f"broker {place(near.broker)} refused the connection")


def test_keystone_that_waits_for_its_database_is_started(
    make_rig: Callable[..., Rig], near: Neighbours
) -> None:
    near.database.go()
    rig = make_rig()
    rig.configure("database", connection=near.connection).set(mode="500")
    assert starts_with_a_warning(rig, f"database {place(near.database)} refused the connection")


def test_an_api_without_a_socket_yet_is_started(api: Rig, near: Neighbours) -> None:
    """Some APIs need their database to load, and only then open their socket."""
    near.database.go()
    api.set(listen="never")
    assert starts_with_a_warning(api, f"database {place(near.database)} refused the connection")
    assert api.probe().code == 0


@pytest.mark.parametrize(("mode", "said"), [("500", "answered 500"), ("hang", "did not answer")])
def test_an_api_that_fails_beside_healthy_neighbours_is_not_started(
    api: Rig, mode: str, said: str
) -> None:
    api.set(mode=mode)
    result = api.caller("start", timeout=TIMEOUT)
    assert result.code == 1
    assert result.is_in_time
    assert result.reason.startswith(f"API http://127.0.0.1:{api.port}/ {said}")
    api.stop()


def test_an_api_that_answers_is_started_at_once_whatever_is_gone(
    api: Rig, near: Neighbours, identity: Rig
) -> None:
    near.database.go()
    near.broker.go()
    identity.stop()
    result = api.start(timeout=TIMEOUT)
    assert pace.is_within(result.seconds, TIMEOUT / 2)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_consumer_is_started_without_its_broker(
    make_rig: Callable[..., Rig], near: Neighbours, frozen: bool
) -> None:
    if frozen:
        near.broker.freeze()
    else:
        near.broker.go()
    near.database.go()
    rig = conductor(make_rig, near)
    if frozen:
        rig.set(connect="")
    assert starts_with_a_warning(rig, f"holds no connection to port {near.broker.port} yet")
    assert rig.probe().code == 0


def test_a_daemon_that_dies_beside_a_dead_database_is_not_started(
    api: Rig, near: Neighbours
) -> None:
    """A daemon that exits is to blame itself: nova-scheduler does so. The exit reason gives its
    last words."""
    near.database.go()
    api.set(mode="hang", words="no database", die_after=2)
    result = api.caller("start", timeout=TIMEOUT)
    assert result.code == 1
    assert result.reason == "the daemon exited with 9 during start: no database"
