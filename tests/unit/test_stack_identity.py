"""Requests of the shared stack that have no answer in time are made again."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
import requests

from tests.stack import identity
from tests.stack.identity import Identity
from tests.unit.conftest import Server

# A request's time limit on a quiet machine.
SECONDS = 0.5


class Keystone:
    """Answers of a Keystone. The first `late` requests get none; the first `lost` do nothing."""

    def __init__(self, late: int = 0, lost: int = 0) -> None:
        self.late, self.lost = late, lost
        self.users: list[dict[str, str]] = []
        self.asked: list[str] = []

    def __call__(self, connection: socket.socket) -> None:
        head, _, body = self._read(connection).partition("\r\n\r\n")
        method = head.split()[0]
        self.asked.append(method)
        is_late, is_lost = len(self.asked) <= self.late, len(self.asked) <= self.lost
        found: object = {"users": self.users}
        if method == "POST" and not is_lost:
            self.users.append({"id": f"u{len(self.users)}", **json.loads(body)["user"]})
            found = {"user": self.users[-1]}
        if is_late:
            connection.recv(1)  # until the client leaves
            return
        text = json.dumps(found)
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())

    @staticmethod
    def _read(connection: socket.socket) -> str:
        text = b""
        while b"\r\n\r\n" not in text or (text.startswith(b"POST") and not text.endswith(b"}}")):
            text += connection.recv(65536)
        return text.decode()


@pytest.fixture
def catalog(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Keystone], Identity]]:
    """An Identity whose requests go to this Keystone."""
    monkeypatch.setattr(identity, "ANSWER_SECONDS", SECONDS)
    made: list[Identity] = []

    def make(keystone: Keystone) -> Identity:
        url = f"http://127.0.0.1:{serve(keystone).port}"
        stack = SimpleNamespace(
            identity=url, inside=lambda act, *words, **more: act(*words, **more)
        )
        made.append(Identity(stack))  # type: ignore[arg-type]
        made[-1].session.headers["Connection"] = "close"
        return made[-1]

    yield make
    for each in made:
        each.session.close()


def test_what_a_late_request_made_is_found(catalog: Callable[[Keystone], Identity]) -> None:
    keystone = Keystone(late=1)
    assert catalog(keystone).make("user", {"name": "nova"}, name="nova") == "u0"
    assert keystone.asked == ["POST", "GET"]


def test_what_a_late_request_did_not_make_is_made(catalog: Callable[[Keystone], Identity]) -> None:
    keystone = Keystone(late=1, lost=1)
    assert catalog(keystone).make("user", {"name": "nova"}, name="nova") == "u0"
    assert keystone.asked == ["POST", "GET", "POST"]


def test_a_question_without_an_answer_is_asked_again(
    catalog: Callable[[Keystone], Identity],
) -> None:
    keystone = Keystone(late=2)
    assert catalog(keystone).get("/users") == {"users": []}
    assert keystone.asked == ["GET"] * 3


def test_it_gives_up_in_the_end(catalog: Callable[[Keystone], Identity]) -> None:
    keystone = Keystone(late=9)
    with pytest.raises(requests.Timeout):
        catalog(keystone).get("/users")
    assert keystone.asked == ["GET"] * identity.TRIES
