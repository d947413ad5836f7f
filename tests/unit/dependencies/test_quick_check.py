"""The cheap check of what a service depends on: notes of earlier monitors, and real connections."""

from __future__ import annotations

import contextlib
import functools
import os
import pwd
import socket
from collections.abc import Callable
from time import monotonic
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocf_lib.declare.service import Service
from ocf_lib.dependencies.quick_check import (
    GOOD_DATABASE_SECONDS,
    GOOD_SECONDS,
    doubtful,
    is_well,
)
from ocf_lib.health import blame
from ocf_lib.instance import Instance
from ocf_lib.net import sockets
from ocf_lib.outcomes import Afflicted
from ocf_lib.processes.procfs import MARKER
from ocf_lib.state.notes import NOTHING, Notes
from tests.unit.conftest import Host, Processes, Server, eventually, patience_of
from tests.unit.dependencies.test_database import HERE, closed_port, says
from tests.unit.dependencies.test_full_check import http
from tests.unit.dependencies.test_needs import Make, api, worker
from tests.unit.net.test_links import CLIENT

Serve = Callable[..., Server]
OLD = 100.0  # seconds: after them a good check no longer counts
silent = says(b"")


def watch(instance: Instance) -> None:
    """Does what monitor does."""
    patience = patience_of(instance)
    for name in doubtful(instance, patience):
        blame.judge(instance, name, patience)


def making(instance_of: Make, host: Host) -> Make:
    """Makes an instance that has a state folder. `text` is the configuration of its daemon, which
    runs as the user of this test."""
    binary, user = host.program("demo-daemon"), pwd.getpwuid(os.getuid()).pw_name

    def make(text: str = "", service: Service | None = None, **parameters: object) -> Instance:
        given = {"binary": binary, "config": host.file("demo.conf", text), "user": user}
        made = instance_of(service or worker(), "monitor", **{**given, **parameters})
        os.makedirs(made.folder, 0o700, exist_ok=True)
        return made

    return make


def start(processes: Processes, instance: Instance, port: int) -> int:
    """Starts a process of the instance that connects to a port; returns its PID."""
    env = {**os.environ, MARKER: instance.name}
    return processes.python(CLIENT, port, env=env)[0].pid


@pytest.fixture
def instance(instance_of: Make, host: Host) -> Make:
    return making(instance_of, host)


@pytest.fixture
def daemon(serve: Serve, processes: Processes) -> Callable[[Instance, int], int]:
    """Starts a daemon, which ends before the servers do."""
    return functools.partial(start, processes)


def amqp(port: int) -> str:
    return f"[DEFAULT]\ntransport_url = rabbit://u:s3cret@{HERE}:{port}/\n"


class Listener:
    """A server that counts its connections."""

    def __init__(self, serve: Serve, answer: Callable[[socket.socket], None] = silent) -> None:
        self.asked = 0
        self.answer = answer
        self.port = serve(self._count).port

    def is_asked(self, times: int) -> bool:
        eventually(lambda: self.asked >= times)
        return self.asked == times

    def _count(self, connection: socket.socket) -> None:
        self.asked += 1
        self.answer(connection)


# -- without a question to any server --------------------------------------------------------------


def test_held_is_well(instance, daemon, serve: Serve) -> None:
    port = serve(silent).port
    made = instance()
    link = sockets.connection([daemon(made, port)], [port])
    assert not is_well(made.notes, "broker")
    made.notes["broker.link"] = link
    assert is_well(made.notes, "broker")
    assert not is_well(made.notes, "database")


def test_nothing_is_well_while_it_was_lost(instance, daemon, serve: Serve) -> None:
    """The connection is back: the full check must see it, and note it."""
    port = serve(silent).port
    made = instance()
    made.notes["broker.link"] = sockets.connection([daemon(made, port)], [port])
    made.notes.stamp("broker.lost")
    assert not is_well(made.notes, "broker")


def test_a_link_that_is_gone_is_not_well_however_good_it_was(instance, processes, daemon) -> None:
    made = instance()
    with socket.create_server((HERE, 0)) as server:
        port = server.getsockname()[1]
        made.notes["broker.link"] = sockets.connection([daemon(made, port)], [port])
        made.notes["broker.good"] = monotonic() - 1
        assert is_well(made.notes, "broker")
    processes.started[0].kill()
    processes.started[0].wait()
    assert not is_well(made.notes, "broker")


@pytest.mark.parametrize(
    "name, seconds",
    [("identity", GOOD_SECONDS), ("broker", GOOD_SECONDS), ("database2", GOOD_DATABASE_SECONDS)],
)
def test_good_a_moment_ago(instance, name: str, seconds: float) -> None:
    made = instance()
    assert not is_well(made.notes, name)
    for age, wanted in ((1, True), (seconds - 1, True), (seconds + 1, False), (-OLD, False)):
        made.notes[f"{name}.good"] = monotonic() - age
        assert is_well(made.notes, name) is wanted, age


@given(st.text(max_size=30))
def test_any_note_is_well_or_not(tmp_path, text: str) -> None:
    for kind in ("link", "good", "lost"):
        notes = Notes(f"{tmp_path}/x.notes")
        notes[f"broker.{kind}"] = text
        assert is_well(notes, "broker") in (False, kind == "good")


# -- what the service depends on -------------------------------------------------------------------


def test_it_is_found_and_noted_once(instance, daemon, serve: Serve) -> None:
    port = serve(silent).port
    made = instance(amqp(port))
    daemon(made, port)
    watch(made)
    made.keep_notes()
    again = instance(amqp(closed_port()))  # a newer configuration, which the daemon has not read
    assert again.notes["needs"] == "broker"
    assert "broker.link" in again.notes.facts
    before = dict(again.notes.facts)
    watch(again)
    assert again.notes.facts == before


def test_a_service_that_needs_nothing_is_told_from_its_notes(instance, host: Host) -> None:
    service = worker(rpc_server=False)
    made = instance("", service)
    watch(made)
    assert made.notes["needs"] == NOTHING
    made.keep_notes()
    os.unlink(host.folder / "demo.conf")
    again = instance(amqp(closed_port()))
    watch(again)
    assert again.notes.facts == {"needs": NOTHING}, "its configuration is not read again"


def test_what_it_was_started_with_is_gone(instance, host: Host) -> None:
    made = instance(binary=str(host.folder / "missing"))
    watch(made)
    assert made.notes["needs"] == NOTHING


def test_each_need_is_looked_at(instance, serve: Serve, daemon) -> None:
    broker, away = serve(silent).port, closed_port()
    made = instance(amqp(broker), database_server_port=away)
    daemon(made, broker)
    with pytest.raises(Afflicted) as raised:
        watch(made)
    assert raised.value.dependency == "database"


# -- questions to a server -------------------------------------------------------------------------


def test_a_place_that_was_well_is_asked_as_it_was_noted(instance, serve: Serve) -> None:
    """The noted address is used, not the configuration: no name server is involved."""
    listener = Listener(serve)
    made = instance(amqp(closed_port()), worker(rpc_server=False, rpc_client=True))
    made.notes["needs"] = "broker"
    made.notes["broker.ask"] = f"http://{HERE}:{listener.port} broker.invalid"
    made.notes["broker.good"] = monotonic() - OLD
    watch(made)
    assert listener.is_asked(1)
    assert made.notes.since("broker.good") < GOOD_SECONDS
    watch(made)
    assert listener.is_asked(1), "it was good a moment ago"


@pytest.mark.parametrize("status, is_away", [(300, False), (404, False), (503, True)])
def test_identity_has_to_answer(instance, serve: Serve, status: int, is_away: bool) -> None:
    requests: list[bytes] = []
    port = serve(http(status, requests)).port
    text = f"[keystone_authtoken]\nauth_url = http://{HERE}:{port}/identity/v3\n"
    made = instance(text, api(databases=()))
    with pytest.raises(Afflicted) if is_away else contextlib.nullcontext():
        watch(made)
    for _ in range(2):
        made.notes["identity.good"] = monotonic() - OLD
        with pytest.raises(Afflicted) if is_away else contextlib.nullcontext():
            watch(made)
    heads = {request.split(b"\r\n")[0] for request in requests}
    assert heads == {b"GET /identity/ HTTP/1.1"}
    # the full check follows each time it was away; if it was well, one question is enough
    assert len(requests) == 3


def test_identity_is_asked_under_its_name(instance, serve: Serve) -> None:
    """Identity may be behind a load balancer that routes by name."""
    requests: list[bytes] = []
    port = serve(http(300, requests)).port
    made = instance(
        f"[keystone_authtoken]\nauth_url = http://localhost:{port}\n", api(databases=())
    )
    watch(made)
    assert urlsplit(made.notes["identity.ask"].split()[0]).hostname in (HERE, "::1")
    made.notes["identity.good"] = monotonic() - OLD
    watch(made)
    assert len(requests) == 2
    for request in requests:
        assert f"Host: localhost:{port}".encode() in request.split(b"\r\n")


def test_an_asked_place_that_is_away_is_looked_for_elsewhere(instance, serve: Serve) -> None:
    """The configuration names two brokers; the one that was well is gone."""
    listener = Listener(serve)
    url = f"rabbit://u:p@{HERE}:{closed_port()},u:p@{HERE}:{listener.port}/"
    made = instance(
        f"[DEFAULT]\ntransport_url = {url}\n", worker(rpc_server=False, rpc_client=True)
    )
    made.notes["needs"] = "broker"
    made.notes["broker.ask"] = f"http://{HERE}:{closed_port()} {HERE}"
    made.notes["broker.good"] = monotonic() - OLD
    watch(made)
    assert made.notes["broker.ask"].startswith(f"http://{HERE}:{listener.port} ")


def test_identity_that_has_moved_is_found_again(instance, serve: Serve) -> None:
    """Its name now resolves to another address."""
    port = serve(http(300)).port
    text = f"[keystone_authtoken]\nauth_url = http://{HERE}:{port}\n"
    made = instance(text, api(databases=()))
    made.notes["needs"] = "identity"
    made.notes["identity.ask"] = f"http://{HERE}:{closed_port()} {HERE}"
    watch(made)
    assert made.notes["identity.ask"] == f"http://{HERE}:{port} {HERE}"


@pytest.mark.parametrize(
    "ask", ["x", "http://", f"http://{HERE}:99999 x", "ftp://h:1 h", "http://a..b:1 x"]
)
def test_garbage_instead_of_a_place(instance, serve: Serve, ask: str) -> None:
    listener = Listener(serve)
    made = instance(amqp(listener.port), worker(rpc_server=False, rpc_client=True))
    made.notes["needs"] = "broker"
    made.notes["broker.ask"] = ask
    watch(made)
    assert listener.is_asked(1)
    assert made.notes["broker.ask"].startswith(f"http://{HERE}:{listener.port} ")


def test_no_secret_is_noted(instance, serve: Serve, daemon) -> None:
    port = serve(silent).port
    text = amqp(port) + f"[database]\nconnection = mysql+pymysql://u:s3cret@{HERE}:{port}/x\n"
    made = instance(text)
    daemon(made, port)
    watch(made)
    made.keep_notes()
    assert "broker.link" in Notes(made.file("notes")).facts
    with open(made.file("notes")) as file:
        assert "s3cret" not in file.read()
