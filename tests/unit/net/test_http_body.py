"""The body of an answer, and when it has to be complete."""

from __future__ import annotations

import socket
import struct

import pytest

from ocf_lib.net import http
from ocf_lib.net.endpoint import Endpoint
from tests.unit.conftest import Server
from tests.unit.net.test_http import OK, Serve, head_of, saying, trickling


def fetch(server: Server, whole: bool, seconds: float = 10.0, **more: object) -> tuple[int, bytes]:
    endpoint = Endpoint("http", "127.0.0.1", server.port)
    answer = http.ask(endpoint, "/", seconds, whole=whole, **more)  # type: ignore[arg-type]
    return answer.status, answer.body


@pytest.mark.parametrize("whole", [True, False])
def test_a_body_of_known_length_comes_back(serve: Serve, whole: bool) -> None:
    body = b"x" * 100_000 + b"end"
    server = serve(saying(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body))
    assert fetch(server, whole) == (200, body)


@pytest.mark.parametrize("status", [b"200 OK", b"404 Not Found"])
def test_a_body_of_unknown_length_is_read_to_its_end_where_it_matters(
    serve: Serve, status: bytes
) -> None:
    body = b"x" * 100_000 + b"end"
    server = serve(saying(b"HTTP/1.1 " + status + b"\r\n\r\n" + body))
    assert fetch(server, True) == (int(status[:3]), body)


@pytest.mark.parametrize("whole", [True, False])
def test_a_body_that_ends_too_early_is_no_answer(serve: Serve, whole: bool) -> None:
    server = serve(saying(OK + b"Content-Length: 10\r\n\r\n123"))
    with pytest.raises(http.NoAnswer, match="7 bytes before the end"):
        fetch(server, whole)


def test_an_empty_body_is_one(serve: Serve) -> None:
    assert fetch(serve(saying(OK + b"Content-Length: 0\r\n\r\n")), True) == (200, b"")
    assert fetch(serve(saying(OK + b"\r\n")), True) == (200, b"")


def test_of_an_endless_body_a_part_is_enough(serve: Serve) -> None:
    def endless(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(OK + b"\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    status, body = fetch(serve(endless), True)
    assert status == 200
    assert http.BODY_LIMIT <= len(body) <= http.BODY_LIMIT + http.HEAD_LIMIT


def test_of_a_body_that_says_it_is_huge_a_part_is_enough(serve: Serve) -> None:
    text = OK + b"Content-Length: 99999999999\r\n\r\n" + b"x" * http.BODY_LIMIT
    assert fetch(serve(saying(text)), False)[1] == b"x" * http.BODY_LIMIT


def test_a_body_without_an_end_is_no_answer_where_it_matters(serve: Serve) -> None:
    server: Server

    def answer(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(OK + b"\r\nsome")
        server.gone.wait(15)

    server = serve(answer)
    with pytest.raises(http.NoAnswer, match=r"did not answer within 0\.3 s"):
        fetch(server, True, 0.3)
    assert fetch(server, False) == (200, b"some")


def test_a_trickling_body_has_the_deadline_too(serve: Serve) -> None:
    servers: list[Server] = []
    servers.append(serve(trickling(OK + b"\r\n" + b"x" * 1000, servers)))
    with pytest.raises(http.NoAnswer, match=r"did not answer within 0\.5 s"):
        fetch(servers[0], True, 0.5)


def test_a_connection_that_breaks_within_a_body(serve: Serve) -> None:
    def answer(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(OK + b"\r\nsome")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with pytest.raises(http.NoAnswer, match="reset the connection"):
        fetch(serve(answer), True)


def test_idle_is_called_while_a_body_is_awaited(serve: Serve) -> None:
    server: Server

    def answer(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(OK + b"\r\nsome")
        server.gone.wait(15)

    class Enough(Exception):
        pass

    def idle() -> None:
        raise Enough

    server = serve(answer)
    with pytest.raises(Enough):
        fetch(server, True, idle=http.Idle(idle))
