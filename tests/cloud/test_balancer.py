"""A real HAProxy with the cloud's configuration, in front of stand-in daemons on two nodes."""

from __future__ import annotations

import csv
import http.client
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.bed.waiting import wait_until
from tests.stack.namespace import Namespace

from . import balancer
from .architecture import ALIVE, choose

pytestmark = pytest.mark.root

(*_, SERVICE) = choose(["cinder-api"])
ADDRESS = "127.0.0.100"
NODES = {"node-1": "127.0.0.1", "node-2": "127.0.0.2"}
SECONDS = 20.0
# The balancer orders requests by the second, modulo this.
WRAPS = 2048


class Daemon(ThreadingHTTPServer):
    """A stand-in daemon. asked: paths of the requests, in order. leave: how many requests it may
    answer. breaks_off: it closes the connection instead. goes_on: while this is clear, not even
    checks are answered."""

    daemon_threads = True

    def __init__(self, address: str) -> None:
        assert SERVICE.port
        super().__init__((address, SERVICE.port), Answer)
        self.asked: list[str] = []
        self.leave = threading.Semaphore(1000)
        self.breaks_off = False
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def end(self) -> None:
        self.goes_on.set()
        self.leave.release(1000)
        self.shutdown()
        self.thread.join()
        self.server_close()


class Answer(BaseHTTPRequestHandler):
    server: Daemon

    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        self.server.goes_on.wait()
        if self.path != SERVICE.check:
            self.server.asked.append(self.path)
            self.server.leave.acquire()
            if self.server.breaks_off:
                return
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


class Front:
    """HAProxy at the address, in front of the daemons of some nodes, and its users."""

    def __init__(self, folder: Path) -> None:
        self.namespace = Namespace(folder)
        self.namespace.make()
        self.users = self.namespace.threads(12)
        self.daemons: list[Daemon] = []
        self.haproxy: subprocess.Popen[bytes] | None = None

    def start(self, *nodes: str) -> None:
        self.daemons += [self.namespace.inside(Daemon, NODES[node]) for node in nodes]
        file = self.namespace.folder / "haproxy.cfg"
        text = balancer.configure([SERVICE], ADDRESS, {node: NODES[node] for node in nodes})
        file.write_text(text.replace("/run/haproxy.sock", str(file.with_suffix(".sock"))))
        words = [*self.namespace.prefix, "/usr/sbin/haproxy", "-db", "-f", str(file)]
        self.haproxy = subprocess.Popen(words)
        wait_until(self._is_there, SECONDS, "HAProxy serves")

    def _is_there(self) -> bool:
        try:
            return self.ask("GET", str(SERVICE.check)) == 200
        except OSError:
            return False

    def submit(self, method: str, path: str, at: str = f"{ADDRESS}:{SERVICE.port}") -> Future[Any]:
        """Send a request. The result of the future is the answer: (status, text)."""
        return self.users.submit(answer_of, method, at, path)

    def ask(self, method: str, path: str) -> int:
        """Send a request and return the status of the answer."""
        return self.submit(method, path).result()[0]

    def told(self, of: str, what: str) -> str:
        """Return a value from HAProxy's statistics, for a node or for all (BACKEND)."""
        _, said = self.submit("GET", "/stats;csv", ALIVE).result()
        rows = csv.DictReader(said.removeprefix("# ").splitlines())
        (found,) = (row for row in rows if (row["pxname"], row["svname"]) == (SERVICE.agent, of))
        return found[what]

    def queued(self) -> int:
        """Return how many requests wait for a free daemon."""
        return int(self.told("BACKEND", "qcur"))

    def end(self) -> None:
        for daemon in self.daemons:
            daemon.end()
        if self.haproxy is not None:
            self.haproxy.kill()
            self.haproxy.wait()
        self.users.shutdown()
        self.namespace.end()


def answer_of(method: str, at: str, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(at, timeout=SECONDS)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.fixture
def make_front(tmp_path: Path) -> Iterator[Callable[..., Front]]:
    made = []

    def make(*nodes: str) -> Front:
        folder = tmp_path / "front"
        folder.mkdir()
        front = Front(folder)
        made.append(front)
        front.start(*nodes)
        return front

    yield make
    for front in made:
        front.end()


@pytest.fixture
def front(make_front: Callable[..., Front]) -> Front:
    return make_front(*NODES)


@pytest.fixture
def busy(make_front: Callable[..., Front]) -> Front:
    """One node, whose daemon has as many requests as it gets at a time."""
    front = make_front("node-1")
    (daemon,) = front.daemons
    daemon.leave = threading.Semaphore(0)
    for number in range(balancer.MOST):
        front.submit("GET", f"/held/{number}")
    wait_until(lambda: len(daemon.asked) == balancer.MOST, SECONDS, "it is busy")
    daemon.asked.clear()
    return front


def test_a_daemon_that_is_dead_costs_no_request(front: Front) -> None:
    dead, other = front.daemons
    dead.end()
    paths = [f"/{number}" for number in range(6)]
    assert [front.ask("GET", path) for path in paths] == [200] * 6
    assert [front.ask("POST", path) for path in paths] == [200] * 6
    assert other.asked == paths * 2


def test_an_answer_that_breaks_off_is_asked_for_elsewhere_where_that_does_no_harm(
    front: Front,
) -> None:
    broken, other = front.daemons
    broken.breaks_off = True
    paths = [f"/{number}" for number in range(4)]
    assert [front.ask("GET", path) for path in paths] == [200] * 4
    assert other.asked == paths
    assert broken.asked, "it was asked first for some"
    for daemon in front.daemons:
        daemon.asked.clear()
    assert {front.ask("POST", path) for path in paths} == {200, 502}
    assert sorted(broken.asked + other.asked) == paths, "what changes something is asked for once"
    assert [front.ask("POST", "/v3/auth/tokens") for _ in range(4)] == [200] * 4


def test_a_daemon_that_hangs_is_left_until_it_answers_again(front: Front) -> None:
    """Like a stopped process, it still accepts connections."""
    frozen, other = front.daemons
    frozen.goes_on.clear()
    wait_until(lambda: front.told("node-1", "status") == "DOWN", SECONDS, "it is left")
    assert [front.ask("POST", f"/{number}") for number in range(4)] == [200] * 4
    assert len(other.asked) == 4
    frozen.goes_on.set()
    wait_until(lambda: front.told("node-1", "status") == "UP", SECONDS, "it is back")
    assert [front.ask("GET", f"/{number}") for number in range(4)] == [200] * 4
    assert frozen.asked


def test_who_came_last_is_served_first(busy: Front) -> None:
    """In order of arrival, each client's turn would come after it has given up."""
    (daemon,) = busy.daemons
    wait_until(lambda: time.time() % WRAPS < WRAPS - 8, SECONDS, "no wrap is near")
    for number, path in enumerate(["/early", "/later", "/last"], 1):
        busy.submit("GET", path)
        wait_until(lambda number=number: busy.queued() == number, SECONDS, "it waits")
        time.sleep(1.1)  # the order is by the second
    for number in range(1, 4):
        daemon.leave.release()
        wait_until(lambda number=number: len(daemon.asked) == number, SECONDS, "one is asked for")
    assert daemon.asked == ["/last", "/later", "/early"]


def test_who_has_given_up_is_not_asked_for(busy: Front) -> None:
    (daemon,) = busy.daemons
    with busy.namespace.inside(socket.create_connection, (ADDRESS, SERVICE.port)) as client:
        client.sendall(b"GET /gone HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: busy.queued() == 1, SECONDS, "it waits")
    wait_until(lambda: busy.queued() == 0, SECONDS, "it has left")
    daemon.leave.release(10)
    assert busy.ask("GET", "/stays") == 200
    assert daemon.asked == ["/stays"]
