"""The connection of a service to its message broker. While the broker is down or frozen, the broker
is to blame, however long (190). Once the broker answers, the daemon has reconnect_grace to connect
again; after that the daemon is at fault (1)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from tests.calling import Result
from tests.faults.neighbours import (
    Broker,
    Neighbours,
    conductor,
    is_connected,
    lose,
    place,
    second,
    seen_well,
)
from tests.faults.rig import LATE, Rig, wait_until

pytestmark = pytest.mark.root

DEGRADED = 190
GRACE = 60


@pytest.fixture
def worker(worker: Rig) -> Rig:
    """The running service; its monitors have found no trouble."""
    return seen_well(worker)


def regain(rig: Rig, near: Neighbours) -> None:
    rig.set(connect=near.broker.port)
    wait_until(lambda: is_connected(near.broker), "it is connected")


def is_lost(result: Result, near: Neighbours) -> bool:
    """Does the reason say that the connection is lost, and for how long?"""
    return result.reason.startswith(f"no AMQP connection to {place(near.broker)} for ")


# --- the broker is down


@pytest.mark.parametrize(("how", "level"), [("refuses", 10), ("refuses", 20), ("frozen", 10)])
def test_a_broker_that_is_away_is_to_blame_however_long(
    worker: Rig, near: Neighbours, how: str, level: int
) -> None:
    if how == "refuses":
        near.broker.go()
        said = "refused the connection (degraded)"
    else:
        near.broker.freeze()
        lose(worker)
        said = "did not answer within"
    result = second(worker, level)
    for _ in range(2):
        assert result.code == DEGRADED
        assert result.reason.startswith(f"broker {place(near.broker)} {said}")
        worker.age(2 * GRACE)
        result = worker.monitor(level)
    assert worker.probe(level=level).code == 0
    assert worker.monitor(0).code == 0


def test_a_broker_that_says_nothing_is_no_broker_that_is_there(
    worker: Rig, near: Neighbours
) -> None:
    """The daemon's time to reconnect starts only once the broker answers."""
    lose(worker)
    assert second(worker).code == DEGRADED
    near.broker.freeze()
    worker.age(GRACE - 5)
    assert worker.monitor().code == DEGRADED
    near.broker.thaw()
    result = worker.monitor()
    assert result.code == DEGRADED
    assert is_lost(result, near)
    assert result.reason.startswith(f"no AMQP connection to {place(near.broker)} for 0 s; ")


def test_after_an_outage_the_daemon_has_its_time_to_reconnect(
    worker: Rig, near: Neighbours
) -> None:
    near.broker.go()
    worker.set(connect=" ")
    assert second(worker).code == DEGRADED
    worker.age(2 * GRACE)
    near.broker.come_back()
    result = worker.monitor()
    assert result.code == DEGRADED
    assert is_lost(result, near)
    worker.age(GRACE + 1)
    assert worker.monitor().code == 1


def test_a_short_outage_is_over_when_it_is_over(worker: Rig, near: Neighbours) -> None:
    near.broker.go()
    assert second(worker).code == DEGRADED
    near.broker.come_back()
    wait_until(lambda: is_connected(near.broker), "it is connected again")
    assert worker.monitor().code == 0


# --- the broker answers, but the daemon is not connected


@pytest.mark.parametrize("level", [None, 10, 20])
def test_a_daemon_that_does_not_reconnect_is_at_fault_after_its_grace(
    worker: Rig, near: Neighbours, level: int | None
) -> None:
    lose(worker)
    result = second(worker, level)
    assert result.code == DEGRADED
    assert is_lost(result, near)
    assert f" s; it has {GRACE} s to reconnect (degraded)" in result.reason
    worker.age(GRACE - LATE)
    assert worker.monitor(level).code == DEGRADED
    worker.age(LATE + 1)
    result = worker.monitor(level)
    assert result.code == 1
    assert is_lost(result, near)
    assert "degraded" not in result.reason
    assert worker.probe(level=level).code == 1
    assert worker.monitor(0).code == 0
    regain(worker, near)
    assert worker.monitor(level).code == 0


def test_reconnect_grace_is_what_the_operator_says(worker: Rig, near: Neighbours) -> None:
    lose(worker)
    result = second(worker, reconnect_grace=1)
    assert "it has 1 s to reconnect" in result.reason
    wait_until(lambda: worker.monitor(reconnect_grace=1).code == 1, "its second is over")
    assert worker.monitor(reconnect_grace=600).code == DEGRADED


def test_each_loss_has_a_clock_of_its_own(worker: Rig, near: Neighbours) -> None:
    for _ in range(2):
        lose(worker)
        assert second(worker).code == DEGRADED
        worker.age(GRACE - 10)
        assert worker.monitor().code == DEGRADED
        regain(worker, near)
        assert worker.monitor().code == 0


# --- which connection counts


@pytest.mark.parametrize("who", ["parent", "worker"])
def test_the_connection_of_any_process_counts(unstarted: Rig, near: Neighbours, who: str) -> None:
    unstarted.set(connecting=who).start()
    seen_well(unstarted)
    lose(unstarted)
    assert second(unstarted).code == DEGRADED


@pytest.mark.parametrize("host", ["[::1]", "[::ffff:127.0.0.1]"])
def test_ipv6_and_mapped_addresses_count(
    make_rig: Callable[..., Rig], near: Neighbours, host: str
) -> None:
    broker = Broker("::1") if host == "[::1]" else near.broker
    rig = conductor(make_rig, near)
    rig.configure(transport_url=f"rabbit://nova:x@{host}:{broker.port}/nova")
    rig.set(connect=f"{host[1:-1]}/{broker.port}").start()
    seen_well(rig)
    assert rig.count("connected") >= 1
    lose(rig)
    result = second(rig)
    assert result.code == DEGRADED
    assert result.reason.startswith(f"no AMQP connection to {host}:{broker.port} for ")
    broker.go()


def test_only_exactly_that_port_counts(unstarted: Rig, near: Neighbours) -> None:
    """Neither a port that begins with the same digits (5672, 56720) nor the local port counts."""
    port = near.broker.port
    longer, shorter = port * 10 % 65536, port // 10
    others = [Broker()]
    for candidate in (longer, shorter):
        with contextlib.suppress(OSError):  # the port may be in use
            others.append(Broker(port=candidate))
    assert len(others) > 1
    unstarted.set(connect=" ".join(str(other.port) for other in others))
    unstarted.start(timeout=4)
    wait_until(lambda: all(is_connected(other) for other in others), "it is connected to them")
    result = second(unstarted)
    assert result.code == DEGRADED
    assert is_lost(result, near)
    for other in others:
        other.go()


def test_one_broker_of_several_is_enough(make_rig: Callable[..., Rig], near: Neighbours) -> None:
    other, gone = Broker(), Broker()
    gone.go()
    rig = conductor(make_rig, near)
    hosts = ",".join(f"nova:x@{place(one)}" for one in (gone, other, near.broker))
    rig.configure(transport_url=f"rabbit://{hosts}/nova").start()
    seen_well(rig)
    near.broker.go()
    rig.set(connect=other.port)
    wait_until(lambda: is_connected(other), "it went to the other")
    assert rig.monitor().code == 0
    lose(rig)
    result = second(rig)
    assert result.code == DEGRADED
    assert "it has 60 s to reconnect" in result.reason
    other.go()
    result = rig.monitor()
    assert result.code == DEGRADED
    assert f"broker {place(gone)} (and 2 more) refused the connection" in result.reason


@pytest.mark.parametrize("how", ["kombu+memory://", "fake://", "zeromq"])
def test_who_needs_no_broker_misses_none(unstarted: Rig, near: Neighbours, how: str) -> None:
    near.broker.go()
    unstarted.set(connect="")
    if how == "zeromq":
        unstarted.parameters["zeromq"] = "true"
    else:
        unstarted.configure(transport_url=how)
    unstarted.start()
    for _ in range(2):
        seen_well(unstarted)


def test_the_operator_s_port_wins(unstarted: Rig, near: Neighbours) -> None:
    other = Broker()
    unstarted.parameters["amqp_server_port"] = str(other.port)
    unstarted.set(connect=other.port).start()
    near.broker.go()
    seen_well(unstarted)
    lose(unstarted)
    result = second(unstarted)
    assert result.reason.startswith(f"no AMQP connection to {place(other)} for ")
    other.go()
    result = unstarted.monitor()
    assert result.code == DEGRADED
    assert result.reason.startswith(f"broker {place(other)} refused the connection")
