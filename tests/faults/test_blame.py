"""Blame: an API that fails while its dependencies are healthy is itself at fault (1). If one of
them fails too, the API is degraded (190) from the second poll in a row, and a probe returns 0."""

from __future__ import annotations

import signal
from collections.abc import Callable

import psutil
import pytest

from tests.calling import Result
from tests.faults.neighbours import Neighbours, compute, place, second, seen_well, take_away
from tests.faults.rig import PASSWORD, Rig, free_port, wait_until

pytestmark = pytest.mark.root

DEGRADED = 190
# Bytes of an exit reason that Pacemaker keeps.
KEPT = 128
FLAVORS = "GET /v2/p1/flavors"
LOG_IN = "POST /v3/auth/tokens"
VALIDATE = "GET /v3/auth/tokens"
SYMPTOMS = [(FLAVORS, "500"), (FLAVORS, "hang"), ("GET /", "500"), ("GET /", "hang")]
SYMPTOMS_OF_KEYSTONE = [
    (10, VALIDATE, "500"),
    (20, LOG_IN, "500"),
    (10, VALIDATE, "hang"),
    (10, "GET /", "500"),
    (20, LOG_IN, "hang"),
    (20, "GET /v3/auth/projects", "500"),
]


@pytest.fixture
def api(make_rig: Callable[..., Rig], near: Neighbours, identity: Rig) -> Rig:
    """A running Compute API; its monitors have found no trouble."""
    rig = compute(make_rig, near, identity)
    rig.start()
    return seen_well(rig)


@pytest.fixture
def keystone(make_rig: Callable[..., Rig], near: Neighbours) -> Rig:
    """A running Keystone with a database; its monitors have found no trouble."""
    rig = make_rig().give_credentials(api_timeout=1)
    rig.configure("database", connection=near.connection)
    rig.start()
    return seen_well(rig)


def hides_password(rig: Rig, *results: Result) -> bool:
    return not any(PASSWORD in text for text in (rig.agent_log, *(r.err for r in results)))


# --- its own fault


@pytest.mark.parametrize("mode", ["500", "hang", "trickle", "garbage", "close", "reset"])
def test_an_api_that_fails_beside_healthy_neighbours_is_1(api: Rig, mode: str) -> None:
    api.set(mode=mode)
    for level in (10, 20):
        result = api.monitor(level)
        assert result.code == 1, result
        assert result.reason.startswith(f"API http://127.0.0.1:{api.port}/")


@pytest.mark.parametrize(("mode", "said"), [("500", "answered 500"), ("hang", "did not answer")])
def test_an_api_that_fails_with_a_token_alone_is_1(api: Rig, mode: str, said: str) -> None:
    api.answer(FLAVORS, mode)
    for level in (10, 20):
        result = api.monitor(level)
        assert result.code == 1, result
        assert f":{api.port}/v2/p1/flavors {said}" in result.reason[:KEPT]


def test_a_socket_that_refuses_is_its_own_fault_whatever_else_is_gone(
    api: Rig, near: Neighbours
) -> None:
    near.database.go()
    result = api.monitor(url=f"http://127.0.0.1:{free_port()}")
    assert result.code == 1
    assert "refused the connection" in result.reason[:KEPT]


@pytest.mark.parametrize("level", [10, 20])
def test_a_frozen_worker_beside_a_dead_database_is_1(
    api: Rig, near: Neighbours, level: int
) -> None:
    """A restart repairs it; the return of the database alone would not."""
    near.database.go()
    api.set(mode="500")
    worker = psutil.Process(api.born("worker")[0])
    worker.suspend()
    wait_until(lambda: worker.status() == psutil.STATUS_STOPPED, "it froze")
    result = api.monitor(level)
    assert result.code == 1
    assert result.reason.startswith(f"PID {worker.pid} is frozen")


def test_no_process_is_7_with_every_neighbour_gone(api: Rig, near: Neighbours) -> None:
    near.database.go()
    near.broker.go()
    api.parent.kill()
    wait_until(lambda: api.pids == [], "all are dead")
    for result in (api.monitor(0), api.monitor(), api.monitor(20), api.probe()):
        assert result.code == 7


# --- its database


@pytest.mark.parametrize("how", ["refuses", "hangs", "too many"])
def test_an_api_that_fails_for_its_database_is_degraded(
    api: Rig, near: Neighbours, how: str
) -> None:
    said = take_away(near, how)
    few = {"refuses": 4, "hangs": 1, "too many": 1}[how]
    for request, mode in SYMPTOMS[:few]:
        api.modes.clear()
        api.answer(FLAVORS, mode).answer(request, mode)
        api.file("notes").unlink(missing_ok=True)
        result = second(api, 10)
        assert result.code == DEGRADED, (request, mode, result)
        assert result.reason.startswith(f"database {place(near.database)} {said}")
        assert f"; API http://127.0.0.1:{api.port}/" in result.reason
        assert result.reason.endswith("(degraded)")
    assert api.probe(level=10).code == 0
    if how != "hangs":
        assert second(api, 20).code == DEGRADED
    assert hides_password(api, result)


def test_a_good_token_that_is_refused_for_the_database_s_sake_is_degraded(
    api: Rig, near: Neighbours
) -> None:
    """glance-api answers 401 in this case (openstack-daemons.md)."""
    near.database.go()
    api.answer(FLAVORS, "401")
    for level in (10, 20):
        api.file("notes").unlink(missing_ok=True)
        result = second(api, level)
        assert result.code == DEGRADED
        assert result.reason.startswith(f"database {place(near.database)} refused the connection")


@pytest.mark.parametrize("how", ["refuses", "hangs", "too many"])
def test_keystone_without_its_database_is_degraded(
    keystone: Rig, near: Neighbours, how: str
) -> None:
    said = take_away(near, how)
    few = {"refuses": 6, "hangs": 1, "too many": 2}[how]
    for level, request, mode in SYMPTOMS_OF_KEYSTONE[:few]:
        keystone.modes.clear()
        keystone.answer(VALIDATE, mode).answer(request, mode)
        keystone.file("notes").unlink(missing_ok=True)
        result = second(keystone, level)
        assert result.code == DEGRADED, (request, mode, result)
        assert result.reason.startswith(f"database {place(near.database)} {said}")
    assert keystone.probe(level=level).code == 0


def test_keystone_that_fails_beside_a_healthy_database_is_1(keystone: Rig) -> None:
    keystone.answer(LOG_IN, "500").answer(VALIDATE, "500")
    for level in (10, 20):
        result = keystone.monitor(level)
        assert result.code == 1
        assert "answered 500" in result.reason[:KEPT]


@pytest.mark.parametrize("name", ["database", "broker"])
def test_a_neighbour_that_is_gone_is_seen_though_the_api_answers(
    api: Rig, near: Neighbours, name: str
) -> None:
    neighbour = getattr(near, name)
    neighbour.go()
    api.age(60)
    for level in (10, 20):
        result = second(api, level)
        assert result.code == DEGRADED
        assert result.reason.startswith(f"{name} {place(neighbour)} refused the connection")
        assert api.probe(level=level).code == 0
    neighbour.come_back()
    for level in (10, 20):
        assert api.monitor(level).code == 0


# --- Identity


def freeze(identity: Rig) -> None:
    for process in identity.processes():
        process.send_signal(signal.SIGSTOP)


OUTAGES: dict[str, tuple[Callable[[Rig], object], str]] = {
    "down": (lambda identity: identity.stop(), "refused the connection"),
    "frozen": (freeze, "did not answer within"),
    "hangs": (lambda identity: identity.set(mode="hang"), "did not answer within"),
    "errs": (lambda identity: identity.set(mode="503"), "answered 503"),
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_identity_that_is_away_is_named(api: Rig, identity: Rig, outage: str) -> None:
    act, said = OUTAGES[outage]
    act(identity)
    api.age(60)
    for level in (10, 20) if outage == "down" else (10,):
        result = second(api, level)
        assert result.code == DEGRADED
        assert result.reason.startswith(f"Identity http://127.0.0.1:{identity.port} {said}")
        assert api.probe(level=level).code == 0
    assert hides_password(api, result)


@pytest.mark.parametrize("outage", OUTAGES)
def test_an_api_that_fails_for_identity_is_degraded(api: Rig, identity: Rig, outage: str) -> None:
    act, said = OUTAGES[outage]
    act(identity)
    api.answer(FLAVORS, "hang" if outage == "down" else "500")
    result = second(api)
    assert result.code == DEGRADED
    assert result.reason.startswith(f"Identity http://127.0.0.1:{identity.port} {said}")


def test_a_database_that_is_gone_is_better_news_than_a_log_in_that_fails_with_it(
    api: Rig, identity: Rig, near: Neighbours
) -> None:
    """Both use the same database. Without it Keystone cannot check tokens, so glance-api answers
    401, and the login that follows fails at Keystone."""
    near.database.go()
    identity.answer(LOG_IN, "500")
    api.answer(FLAVORS, "401")
    for level in (10, 20):
        api.file("notes").unlink(missing_ok=True)
        result = second(api, level)
        assert result.code == DEGRADED
        assert result.reason.startswith(f"database {place(near.database)} refused the connection")
        assert f"; Identity http://127.0.0.1:{identity.port} answered 500" in result.reason


def test_identity_is_missed_without_credentials_of_ours_too(api: Rig, identity: Rig) -> None:
    for name in ("os_auth_url", "os_username", "os_password", "os_tenant_name"):
        api.parameters.pop(name)
    assert api.monitor().code == 0
    identity.stop()
    api.age(60)
    result = second(api)
    assert result.code == DEGRADED
    assert result.reason.startswith(f"Identity http://127.0.0.1:{identity.port} refused")
