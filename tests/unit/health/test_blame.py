"""Whose fault is it? Real processes and servers stand in for the daemon and its dependencies."""

from __future__ import annotations

import functools
import os
import signal
import socket
from collections.abc import Callable
from time import monotonic

import pytest

from ocf_lib.declare.service import Service
from ocf_lib.health import blame
from ocf_lib.instance import Instance
from ocf_lib.keystone.token import Token, file_of
from ocf_lib.net.links import Link
from ocf_lib.outcomes import Afflicted, Degraded, Failed, Suspect
from tests.unit.conftest import Host, Processes, Server, account_of, eventually, patience_of
from tests.unit.dependencies.test_database import HERE, Mysql, closed_port, error, says
from tests.unit.dependencies.test_full_check import START, http
from tests.unit.dependencies.test_needs import Make, api, worker
from tests.unit.dependencies.test_quick_check import OLD, Serve, amqp, making, silent, start
from tests.unit.net.test_links import CLIENT

FAULT = Suspect("API http://127.0.0.1:9999/ answered 500")
SECRET = "s3cret"
greets = says(START)


@pytest.fixture
def instance(instance_of: Make, host: Host) -> Make:
    return making(instance_of, host)


@pytest.fixture
def daemon(serve: Serve, processes: Processes) -> Callable[[Instance, int], int]:
    """Starts a daemon, which ends before the servers do."""
    return functools.partial(start, processes)


def accused(act: Callable[..., None], instance: Instance, *arguments: object) -> Afflicted:
    """The outcome of `act`, which must blame a dependency in a single line without a secret."""
    with pytest.raises(Afflicted) as raised:
        act(instance, *arguments, patience_of(instance))
    said = str(raised.value)
    assert said.splitlines() == [said]
    assert SECRET not in said
    assert "(degraded)" in said
    assert raised.value.code == 190
    return raised.value


def notes_of(instance: Instance, name: str) -> dict[str, str]:
    """The notes about this need."""
    return {key: v for key, v in instance.notes.facts.items() if key.startswith(name + ".")}


def caller() -> Service:
    return worker(rpc_server=False, rpc_client=True)


def mysql(port: int) -> str:
    return f"[database]\nconnection = mysql+pymysql://nova:{SECRET}@{HERE}:{port}/nova\n"


# -- judge: a need without a connection ------------------------------------------------------------


def test_connected_is_noted(instance: Make, serve: Serve, daemon) -> None:
    port = serve(silent).port
    made = instance(amqp(port))
    pid = daemon(made, port)
    blame.judge(made, "broker", patience_of(made))
    link = Link.parse(made.notes["broker.link"])
    assert link is not None
    assert link.pid == pid
    assert link.is_held()


def test_connected_again_is_lost_no_more(instance: Make, serve: Serve, daemon) -> None:
    port = serve(silent).port
    made = instance(amqp(port))
    made.notes["broker.lost"] = monotonic() - OLD
    made.notes["broker.link"] = "1 2 3 2 0100007F:0001 0100007F:0002"
    daemon(made, port)
    blame.judge(made, "broker", patience_of(made))
    assert made.notes["broker.lost"] == ""
    assert Link.parse(made.notes["broker.link"]).is_held()


@pytest.mark.parametrize("service", [worker, caller])
def test_a_broker_that_is_away(instance: Make, service: Callable[[], Service]) -> None:
    """Meanwhile the missing connection is no failure, and the noted address is forgotten."""
    port = closed_port()
    made = instance(amqp(port), service())
    made.notes["broker.lost"] = monotonic() - OLD
    made.notes["broker.ask"] = f"http://{HERE}:1 {HERE}"
    made.notes["broker.link"] = "1 2 3 2 0100007F:0001 0100007F:0002"
    made.notes.stamp("broker.good")
    found = accused(blame.judge, made, "broker")
    assert str(found) == f"broker {HERE}:{port} refused the connection (degraded)"
    assert found.dependency == "broker"
    assert notes_of(made, "broker") == {}


def test_a_frozen_broker_is_away(instance: Make, serve: Serve) -> None:
    port = serve(silent).port
    found = accused(blame.judge, instance(amqp(port)), "broker")
    assert str(found).startswith(f"broker {HERE}:{port} did not answer within ")


def test_a_consumer_without_its_connection_has_time(instance: Make, serve: Serve) -> None:
    port = serve(greets).port
    made = instance(amqp(port))
    found = accused(blame.judge, made, "broker")
    assert str(found).startswith(f"no AMQP connection to {HERE}:{port} for 0 s; it has 60 s")
    assert found.dependency == "broker"
    made.notes["broker.lost"] = monotonic() - 59
    found = accused(blame.judge, made, "broker")
    assert "for 59 s" in str(found)


def test_a_consumer_without_its_connection_for_too_long(instance: Make, serve: Serve) -> None:
    port = serve(greets).port
    made = instance(amqp(port))
    made.notes["broker.lost"] = monotonic() - 75
    with pytest.raises(Failed, match=rf"^no AMQP connection to {HERE}:{port} for 75 s$"):
        blame.judge(made, "broker", patience_of(made))
    patient = instance(amqp(port), reconnect_grace=120)
    patient.notes["broker.lost"] = monotonic() - 75
    assert "it has 120 s" in str(accused(blame.judge, patient, "broker"))
    strict = instance(amqp(port), reconnect_grace=10)
    strict.notes["broker.lost"] = monotonic() - 11
    with pytest.raises(Failed):
        blame.judge(strict, "broker", patience_of(strict))


def test_what_is_noted_at_first_counts_at_the_next(instance: Make, serve: Serve) -> None:
    made = instance(amqp(serve(greets).port), reconnect_grace=1)
    accused(blame.judge, made, "broker")
    made.keep_notes()

    def is_failed() -> bool:
        again = instance(amqp(serve(greets).port), reconnect_grace=1)
        with pytest.raises((Failed, Afflicted)) as raised:
            blame.judge(again, "broker", patience_of(again))
        return isinstance(raised.value, Failed)

    eventually(is_failed)


def test_a_clock_that_began_again_is_no_outage(instance: Make, serve: Serve) -> None:
    made = instance(amqp(serve(greets).port))
    made.notes["broker.lost"] = monotonic() + OLD
    assert "for 0 s" in str(accused(blame.judge, made, "broker"))


def test_a_connection_of_somebody_else_is_not_its(
    instance: Make, serve: Serve, processes: Processes
) -> None:
    port = serve(greets).port
    processes.python(CLIENT, port)
    accused(blame.judge, instance(amqp(port)), "broker")


def test_a_connection_to_another_port_is_not_its(instance: Make, serve: Serve, daemon) -> None:
    made = instance(amqp(serve(greets).port))
    daemon(made, serve(silent).port)
    accused(blame.judge, made, "broker")


def test_who_only_calls_is_well_without_a_connection(instance: Make, serve: Serve) -> None:
    port = serve(silent).port
    made = instance(amqp(port), caller())
    blame.judge(made, "broker", patience_of(made))
    assert made.notes["broker.ask"] == f"http://{HERE}:{port} {HERE}"
    assert made.notes["broker.good"]
    assert made.notes["broker.lost"] == ""


def test_the_port_of_a_parameter(instance: Make) -> None:
    port = closed_port()
    made = instance("", worker(databases=()), database_server_port=port)
    found = accused(blame.judge, made, "database")
    assert str(found) == f"database localhost:{port} refused the connection (degraded)"


def test_a_lazy_database(instance: Make, serve: Serve) -> None:
    """Without a connection, the check is a log-in now and then; no cheaper question is asked."""
    pytest.importorskip("pymysql")
    answers = Mysql()
    made = instance(mysql(serve(answers).port))
    blame.judge(made, "database", patience_of(made))
    assert len(answers.accounts) == 1
    assert set(notes_of(made, "database")) == {"database.good"}


def test_a_database_that_takes_nobody(instance: Make, serve: Serve) -> None:
    pytest.importorskip("pymysql")
    port = serve(Mysql(error(1040, "Too many connections"))).port
    found = accused(blame.judge, instance(mysql(port)), "database")
    said = f"database {HERE}:{port} answered error 1040 (Too many connections) (degraded)"
    assert str(found) == said


def test_a_need_that_is_no_more(instance: Make) -> None:
    """The configuration has changed; the next monitor finds what the service needs now."""
    made = instance("[DEFAULT]\ntransport_url = fake://\n")
    made.notes["needs"] = "broker"
    made.notes["broker.link"] = "1 2 3 2 0100007F:0001 0100007F:0002"
    blame.judge(made, "broker", patience_of(made))
    assert made.notes.facts == {}


def test_a_configuration_that_is_gone_blames_nobody(instance: Make, host: Host) -> None:
    made = instance(amqp(closed_port()))
    os.unlink(host.folder / "demo.conf")
    blame.judge(made, "broker", patience_of(made))
    blame.explain(made, FAULT, patience_of(made))


# -- explain: an API that fails ------------------------------------------------------------------


def keyed(port: int) -> str:
    return f"[keystone_authtoken]\nauth_url = http://{HERE}:{port}/v3\n"


def test_nothing_else_is_wrong(instance: Make, serve: Serve) -> None:
    made = instance(keyed(serve(http(300)).port), api())
    assert blame.explain(made, FAULT, patience_of(made)), "something may have come back just now"
    bare = instance("", api())
    assert not blame.explain(bare, FAULT, patience_of(bare)), "there is nothing that could have"


@pytest.mark.parametrize(
    "age, interval, is_excused",
    [
        (5, 0, True),
        (blame.RECOVERY_SECONDS + 1, 0, False),
        # the previous poll saw it away; it may have come back only just now
        (blame.RECOVERY_SECONDS + 1, 30, True),
        (blame.RECOVERY_SECONDS + 31, 30, False),
        (-OLD, 30, False),
    ],
)
def test_what_came_back_just_now_excuses_it(
    instance: Make, serve: Serve, age: float, interval: int, is_excused: bool
) -> None:
    """Real services answer with errors for 5 to 15 s more."""
    port = serve(http(300)).port
    made = instance(keyed(port), api(), CRM_meta_interval=interval * 1000)
    made.notes["trouble.10"] = "identity"
    made.notes["trouble.10.seen"] = monotonic() - age
    if not is_excused:
        assert blame.explain(made, FAULT, patience_of(made), "trouble.10")
        return
    with pytest.raises(Degraded) as raised:
        blame.explain(made, FAULT, patience_of(made), "trouble.10")
    assert str(raised.value) == f"{FAULT}; identity was away until {age:.0f} s ago (degraded)"
    assert blame.explain(made, FAULT, patience_of(made), "trouble.20"), (
        "of another level nothing is known"
    )


def test_what_is_away_explains_it(instance: Make) -> None:
    port = closed_port()
    found = accused(blame.explain, instance(keyed(port), api()), FAULT)
    assert str(found) == (
        f"Identity http://{HERE}:{port} refused the connection; {FAULT} (degraded)"
    )
    assert found.dependency == "identity"


def test_what_stands_nearest_to_the_ground_is_blamed(instance: Make) -> None:
    """Without the database, Identity does not work either."""
    made = instance(keyed(closed_port()) + mysql(closed_port()), api())
    assert accused(blame.explain, made, FAULT).dependency == "database"


def test_a_frozen_broker_explains_it(instance: Make, serve: Serve) -> None:
    made = instance(amqp(serve(silent).port), api(rpc_client=True))
    assert accused(blame.explain, made, FAULT).dependency == "broker"
    made = instance(amqp(serve(greets).port), api(rpc_client=True))
    blame.explain(made, FAULT, patience_of(made))


def test_a_kept_token_asks_more_of_identity(instance: Make, serve: Serve) -> None:
    def answer(connection: socket.socket) -> None:
        status = 500 if b"X-Subject-Token: kept" in connection.recv(65536) else 300
        connection.sendall(b"HTTP/1.1 %d Some\r\nContent-Length: 0\r\n\r\n" % status)

    server: Server = serve(answer)
    made = instance(
        keyed(server.port),
        api(),
        os_auth_url=f"http://{HERE}:{server.port}/v3",
        os_username="nova",
        os_password=SECRET,
        os_project_name="service",
    )
    blame.explain(made, FAULT, patience_of(made))
    holder = account_of(made)
    assert holder is not None
    with open(file_of(made.folder, holder, "token"), "w") as file:
        file.write(str(Token("kept", "3", 2**40, holder)))
    found = accused(blame.explain, made, FAULT)
    assert f"Identity http://{HERE}:{server.port} answered 500 to a token; " in str(found)


@pytest.mark.parametrize("is_away", [False, True])
def test_a_frozen_process_is_its_own_fault(instance: Make, serve: Serve, daemon, is_away) -> None:
    """A restart repairs this, whatever else is wrong."""
    made = instance(keyed(closed_port() if is_away else serve(http(300)).port), api())
    pid = daemon(made, serve(silent).port)
    os.kill(pid, signal.SIGSTOP)

    def is_stopped() -> bool:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"

    eventually(is_stopped)
    with pytest.raises(Failed) as raised:
        blame.explain(made, FAULT, patience_of(made))
    assert str(raised.value) == f"PID {pid} is frozen (stopped by a signal): {FAULT}"
