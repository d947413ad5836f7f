"""reload of every real daemon whose agent offers it: the same process takes a changed
configuration, stays connected, and answers requests all the time."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import pace
from tests.bed.waiting import wait_until
from tests.calling import AGENTS, Caller, Result
from tests.stack import daemons, report
from tests.stack.real import Real
from tests.stack.stack import Stack
from tests.stack.test_life import AMQP, SETTLE, Family, Ready, check_monitor, check_processes

pytestmark = [pytest.mark.root, pytest.mark.stack]

SECONDS = 60.0
# How many clients ask an API at once.
CLIENTS = 2
# The path of a request whose body the application reads.
LATE = {"keystone": "/v3/auth/tokens"}
LATE_SECONDS = 2.0


@dataclass
class Change:
    """A change of a configuration, and the sign that the daemon has taken it.

    old, new     the text that is replaced, and its replacement
    file         the file to change, in the folder of the one in parameter `config`; "" for that one
    sign         the pattern of a line in the daemon's log, after the PID
    """

    old: str = "[DEFAULT]\n"
    new: str = "[DEFAULT]\ndebug = true\n"
    file: str = ""
    sign: str = "DEBUG "


# By project. With oslo.config, a running daemon takes a new `debug` (it is mutable).
CHANGES = {
    "keystone": Change(file="keystone.conf"),
    "placement": Change("[api]\n", "[DEFAULT]\ndebug = true\n[api]\n", "placement.conf"),
    "nova": Change(file="nova.conf"),
    "cinder": Change(file="cinder.conf"),
    "heat": Change(file="heat.conf"),
    "manila": Change(file="manila.conf"),
    "neutron": Change(file="neutron.conf"),
    "ceilometer": Change(
        new="[DEFAULT]\npollsters_definitions_dirs = /nonexistent\n",
        file="ceilometer.conf",
        sign="INFO .* at \\[\\['/nonexistent'\\]\\]",
    ),
}


def offers(agent: str) -> bool:
    return "rereads=True" in (AGENTS / agent).read_text()


REREADING = [real for real in daemons.ALL if offers(real.agent)]
# One of each kind: uwsgi, oslo.service with workers and in one process, a networking agent,
# cotyledon. All 25 take 10 minutes: RELOADED=all make test ARGS=tests/stack/test_reload.py
KINDS = (
    *("keystone", "nova-conductor", "cinder-scheduler", "neutron-agent-l3"),
    "ceilometer-agent-central",
)
if os.environ.get("RELOADED") != "all":
    REREADING = [real for real in REREADING if real.agent in KINDS]


class Clients:
    """Clients that ask an API all the time, each request on its own connection.

    answers: for each request, when it began, how many seconds it took, and its status or error.
    """

    def __init__(self, stack: Stack, port: int) -> None:
        self.port = port
        self.answers: list[tuple[float, float, object]] = []
        self._over = threading.Event()
        self._pool = stack.threads(CLIENTS)
        self._asking: list[Future[None]] = [self._pool.submit(self._ask) for _ in range(CLIENTS)]

    def _ask(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            connection = http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=pace.seconds(SECONDS)
            )
            try:
                connection.request("GET", "/", headers={"Connection": "close"})
                answer = connection.getresponse()
                answer.read()
                said: object = answer.status
            except (OSError, http.client.HTTPException) as error:
                said = repr(error)
            finally:
                connection.close()
            self.answers.append((began, time.monotonic() - began, said))

    def end(self) -> None:
        self._over.set()
        for each in self._asking:
            each.result()
        self._pool.shutdown()

    @property
    def failures(self) -> list[object]:
        return [
            (seconds, said)
            for _, seconds, said in self.answers
            if not isinstance(said, int) or said >= 500
        ]


@contextlib.contextmanager
def asked(stack: Stack, real: Real) -> Iterator[Clients | None]:
    """Let clients ask the daemon's API before, during and after the block; None without an API."""
    if real.port is None:
        yield None
        return
    clients = Clients(stack, real.port)
    try:
        wait_until(lambda: len(clients.answers) > CLIENTS, SECONDS, "clients are answered")
        yield clients
        before = len(clients.answers)
        wait_until(lambda: len(clients.answers) > before + CLIENTS, SECONDS, "and after it")
    finally:
        clients.end()


@contextlib.contextmanager
def changed(caller: Caller, change: Change) -> Iterator[None]:
    """Change the configuration until the end of the block."""
    path = Path(caller.parameters["config"])
    path = path.parent / change.file if change.file else path
    before = path.read_text()
    assert change.old in before
    path.write_text(before.replace(change.old, change.new, 1))
    try:
        yield
    finally:
        path.write_text(before)


class Logs:
    """What any daemon of the stack logs from now on."""

    def __init__(self, stack: Stack) -> None:
        self.folder = stack.log
        self.sizes = {path: path.stat().st_size for path in self.folder.iterdir()}

    def signed(self, sign: str) -> set[int]:
        """The PIDs of the processes that wrote a line with this sign."""
        line, found = re.compile(rf"^\S+ \S+ (\d+) {sign}", re.MULTILINE), set()
        for path in self.folder.iterdir():
            with path.open("rb") as file:
                file.seek(self.sizes.get(path, 0))
                found |= set(map(int, line.findall(file.read().decode(errors="replace"))))
        return found


def late(stack: Stack, real: Real) -> Future[str] | None:
    """Send a request that is in progress meanwhile: half of its body comes two seconds late."""
    if real.agent not in LATE or real.port is None:
        return None

    def post() -> str:
        body = b"x" * 100
        head = f"POST {LATE[real.agent]} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection(
            ("127.0.0.1", real.port), pace.seconds(SECONDS)
        ) as connection:
            connection.sendall(head.encode() + body[:50])
            time.sleep(LATE_SECONDS)
            connection.sendall(body[50:])
            return connection.recv(4096).partition(b"\r\n")[0].decode()

    pool = stack.threads(1)
    asked = pool.submit(post)
    pool.shutdown(wait=False)
    return asked


def monitored(caller: Caller, action: str) -> Result:
    """Run the action, and meanwhile one monitor after the other; each must find the daemon well."""
    with ThreadPoolExecutor(1) as pool:
        acting = pool.submit(caller, action, timeout=pace.seconds(SECONDS))
        while not acting.done():
            judged = caller.monitor()
            assert judged.code == 0, judged
    return acting.result()


@pytest.mark.parametrize("real", REREADING, ids=lambda real: real.name)
def test_reload(real: Real, stack: Stack, running: Ready) -> None:
    caller = running(real)
    started = caller("start", timeout=real.patience)
    assert started.code == 0, started
    family = Family(caller, real)
    check_processes(family)
    check_monitor(caller, real)
    born, connected = family.leader.create_time(), family.total(AMQP)
    change, logs = CHANGES[real.agent.partition("-")[0]], Logs(stack)
    with changed(caller, change), asked(stack, real) as clients:
        request = late(stack, real)
        reloaded = monitored(caller, "reload")
        assert (reloaded.code, reloaded.err) == (0, ""), reloaded
    seen = {"reload": f"{reloaded.seconds:.1f} s"}
    after = Family(caller, real)
    assert (after.pid, after.leader.create_time()) == (family.pid, born)
    check_processes(after)
    check_monitor(caller, real)
    wait_until(lambda: after.total(AMQP) >= connected, SETTLE, "it is connected as before")
    if clients is not None:
        # A uwsgi worker that is told to end after it has accepted a connection, but before it has
        # read from it, closes it: seen once in 70 reloads. No other failure was seen.
        resets = [failure for failure in clients.failures if "ConnectionReset" in str(failure)]
        assert [failure for failure in clients.failures if failure not in resets] == []
        assert len(resets) <= 1
        longest = max(seconds for _, seconds, _ in clients.answers)
        seen["longest answer"] = f"{longest:.1f} s"
    if request is not None:
        assert request.result(pace.seconds(SECONDS)).startswith("HTTP/1.1 "), (
            "what it was at is answered"
        )
    everyone = {process.pid for process in after.all}
    stopped = caller("stop", timeout=daemons.patience())
    assert stopped.code == 0, stopped
    # some log nothing before they end
    assert logs.signed(change.sign) & everyone
    report.note(real.name, report.REAL, seen)
