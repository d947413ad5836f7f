"""start of a service that takes its work from a message broker: it is ready once it is connected,
and it does not fail because the broker is down."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from tests import pace
from tests.faults.rig import PASSWORD, Rig

pytestmark = pytest.mark.root

MISSING = "runs, but holds no connection to port"
SETTLED = 2


@pytest.fixture
def broker() -> Iterator[int]:
    """The port of a server that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def consumer(make_rig: Callable[..., Rig], broker: int) -> Rig:
    """An agent of such a service. Its configuration names the broker, but its daemon does not
    connect yet."""
    rig = make_rig(agent="nova-conductor")
    rig.configure(transport_url=f"rabbit://nova:{PASSWORD}@127.0.0.1:{broker}/nova")
    return rig.set(listen="never")


def hides_password(rig: Rig, *texts: str) -> bool:
    return not any(PASSWORD in text for text in (rig.agent_log, *texts))


@pytest.mark.parametrize("who", ["parent", "worker"])
def test_start_waits_for_the_connection_and_no_longer(consumer: Rig, broker: int, who: str) -> None:
    consumer.set(connect=broker, connect_after=3.5, connecting=who)
    result = consumer.start()
    assert consumer.count(f"connected {broker}") >= 1
    assert result.seconds >= 3.5 and pace.is_within(result.seconds, 9)
    assert MISSING not in consumer.agent_log
    assert hides_password(consumer, result.err, result.out)
    assert consumer.monitor().code == 0
    consumer.stop()


def test_a_daemon_that_never_connects_is_started_with_a_warning(consumer: Rig, broker: int) -> None:
    result = consumer.start(timeout=6)
    assert SETTLED <= result.seconds < result.granted
    assert f"WARNING: nova-conductor/{consumer.caller.instance} {MISSING} {broker}" in (
        consumer.agent_log
    )
    assert hides_password(consumer, result.err, result.out)
    assert consumer.monitor().code == 0
    again = consumer.caller("start")
    assert again.code == 0
    assert pace.is_within(again.seconds, SETTLED), "it runs, so there is nothing to wait for"
    consumer.stop()


def test_a_daemon_that_dies_while_it_tries_is_an_error_at_once(consumer: Rig) -> None:
    consumer.set(words="the broker refuses us", die_after=3)
    result = consumer.caller("start")
    assert result.code == 1
    assert pace.is_within(result.seconds, 7)
    assert result.reason.startswith("the daemon exited with 9 during start")
    consumer.stop()


def test_a_daemon_that_dies_before_it_could_connect(consumer: Rig) -> None:
    consumer.set(words="no such option", die=3)
    result = consumer.caller("start")
    assert result.code == 1
    assert pace.is_within(result.seconds, SETTLED)
    assert result.reason == "the daemon exited with 3 during start: no such option"
    consumer.stop()


def test_the_operator_s_port_is_the_one_that_counts(consumer: Rig, broker: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        consumer.set(connect=broker)
        consumer.start(timeout=4, amqp_server_port=port)
        assert f"{MISSING} {port}" in consumer.agent_log
        assert str(broker) not in consumer.agent_log
        consumer.stop()


def test_a_database_that_the_operator_names_is_waited_for_too(consumer: Rig, broker: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as database:
        port = database.getsockname()[1]
        consumer.set(connect=f"{port} {broker}", connect_after=3)
        assert consumer.start(database_server_port=port).seconds >= 3
        assert MISSING not in consumer.agent_log
        consumer.stop()
        consumer.set(connect=broker, connect_after=0)
        consumer.start(timeout=4, database_server_port=port)
        assert f"{MISSING} {port}" in consumer.agent_log
        consumer.stop()


@pytest.mark.parametrize("how", ["fake://", "zeromq"])
def test_without_a_broker_it_has_to_live_a_while(consumer: Rig, how: str) -> None:
    if how == "zeromq":
        consumer.parameters["zeromq"] = "true"
    else:
        consumer.configure(transport_url=how)
    result = consumer.start()
    assert result.seconds >= SETTLED and pace.is_within(result.seconds, 6)
    assert MISSING not in consumer.agent_log
    consumer.stop()


def test_the_stand_in_stays_connected(worker: Rig) -> None:
    """start took 2 s, for which a daemon must live; one connection lasted all that time."""
    assert (worker.count("connected"), worker.count("disconnected")) == (1, 0)
