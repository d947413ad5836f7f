"""Whom have real processes asked, and who has not answered yet?"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from ocf_lib.net import unanswered
from tests.unit.conftest import Processes, eventually

# Connects to each of the servers, says the words one by one, and waits for an answer to each but
# the last, unless that ends with an exclamation mark.
CLIENT = """
import socket, sys, time
family, address, *servers = sys.argv[1:]
kept = []
for server in servers:
    port, *words = server.split(":")
    kept.append(socket.socket(int(family)))
    kept[-1].connect((address, int(port)))
    for number, word in enumerate(words, 1):
        kept[-1].sendall(word.encode())
        if number < len(words) or word.endswith("!"):
            kept[-1].recv(100)
print(0, flush=True)
time.sleep(600)
"""


class Peer:
    """A server that answers so many words as it is told to."""

    def __init__(self, family: int, address: str) -> None:
        self.server = socket.create_server((address, 0), family=family)
        self.port = self.server.getsockname()[1]
        self.ends: list[socket.socket] = []

    def answer(self, times: int) -> None:
        end, _ = self.server.accept()
        self.ends.append(end)
        for _ in range(times):
            assert end.recv(100)
            time.sleep(0.05)  # some ticks of the kernel's clock, which has no finer times
            end.sendall(b"so")

    def close(self) -> None:
        for end in (self.server, *self.ends):
            end.close()


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    made = Peer(request.param, "::1" if request.param == socket.AF_INET6 else "127.0.0.1")
    yield made
    made.close()


def client(processes: Processes, peer: Peer, words: str, answers: int) -> int:
    """The PID of a process that says the words to the peer."""
    address = peer.server.getsockname()[0]
    started, _ = processes.python(
        CLIENT, int(peer.server.family), address, f"{peer.port}{words}", lines=0
    )
    peer.answer(answers)
    assert started.stdout is not None
    assert started.stdout.readline() == b"0\n"
    return started.pid


@pytest.mark.parametrize(
    ("words", "answers"), [(":why", 0), (":what:why", 1), (":what:what:why", 2)]
)
def test_one_that_waits_for_an_answer(
    processes: Processes, peer: Peer, words: str, answers: int
) -> None:
    pid = client(processes, peer, words, answers)

    def asked() -> unanswered.Question | None:
        return unanswered.longest([pid], 600)

    found = eventually(lambda: (q := asked()) and q.seconds > 0.5 and q)
    assert isinstance(found, unanswered.Question)
    shown = peer.server.getsockname()[0]
    assert found.place == (f"[{shown}]" if ":" in shown else shown) + f":{peer.port}"
    assert unanswered.longest([pid], 600, {peer.port}) is None, "such a peer is not asked"
    assert unanswered.longest([pid], 0.3) is None, "it asked before"


@pytest.mark.parametrize(("words", "answers"), [(":what!", 1), (":what:what!", 2)])
def test_one_that_has_all_its_answers(
    processes: Processes, peer: Peer, words: str, answers: int
) -> None:
    pid = client(processes, peer, words, answers)
    assert unanswered.longest([pid], 600) is None


def test_the_answers_that_it_owes_itself_do_not_count(processes: Processes, peer: Peer) -> None:
    """Its own clients wait for these."""
    code = """
import socket, sys, time
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
end, _ = server.accept()
end.sendall(b"welcome")
time.sleep(600)
"""
    started, ports = processes.python(code)
    with socket.create_connection(("127.0.0.1", ports[0])) as near:
        assert near.recv(100) == b"welcome"
        assert unanswered.longest([started.pid], 600) is None


def test_nobody() -> None:
    assert unanswered.longest([], 600) is None
    assert unanswered.longest([1 << 22], 600) is None
