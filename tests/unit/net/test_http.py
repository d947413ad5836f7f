"""One request with a deadline for the whole of it, from servers that misbehave."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocf_lib.net import http
from ocf_lib.net.endpoint import Endpoint
from tests import pace
from tests.unit.conftest import Server, eventually

Serve = Callable[..., Server]
OK = b"HTTP/1.1 200 OK\r\n"


def head_of(connection: socket.socket) -> bytes:
    """The head of the client's request."""
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        part = connection.recv(4096)
        if not part:
            break
        received += part
    return received


def saying(text: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(text)

    return answer


def ask(server: Server, seconds: float = 10.0, **more: object) -> int:
    endpoint = Endpoint("http", "127.0.0.1", server.port)
    return http.ask(endpoint, "/", seconds, **more).status  # type: ignore[arg-type]


def why_not(server: Server, seconds: float = 10.0) -> str:
    with pytest.raises(http.NoAnswer) as caught:
        ask(server, seconds)
    return str(caught.value)


@pytest.mark.parametrize("status", [200, 204, 300, 401, 404, 500, 503])
def test_the_status_comes_back(serve: Serve, status: int) -> None:
    assert ask(serve(saying(b"HTTP/1.1 %d Whatever\r\n\r\n" % status))) == status


@pytest.mark.parametrize("first", [b"HTTP/1.0 200 OK", b"HTTP/1.1 200", b"HTTP/1.1 200 "])
def test_variants_of_the_first_line(serve: Serve, first: bytes) -> None:
    assert ask(serve(saying(first + b"\r\n\r\n"))) == 200


def test_the_request_says_what_it_should(serve: Serve) -> None:
    heads = []

    def answer(connection: socket.socket) -> None:
        heads.append(head_of(connection))
        connection.sendall(OK + b"\r\n")

    server = serve(answer)
    endpoint = Endpoint("http", "127.0.0.1", server.port, "api.example", "/identity")
    http.ask(endpoint, "/v3/x?y", 10, {"X-Auth-Token": "gAAAA"})
    lines = heads[0].decode().split("\r\n")
    assert lines[0] == "GET /identity/v3/x?y HTTP/1.1"
    assert f"Host: api.example:{server.port}" in lines
    assert "X-Auth-Token: gAAAA" in lines
    assert "Connection: close" in lines
    assert lines[-2:] == ["", ""]


def test_a_body_is_read_to_its_end(serve: Serve) -> None:
    read = []

    def answer(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(OK + b"Content-Length: 200000\r\n\r\n")
        connection.sendall(b"x" * 200000)
        connection.shutdown(socket.SHUT_WR)
        read.append(connection.recv(1))  # b"" once the client has closed properly

    assert ask(serve(answer)) == 200


def test_without_a_length_the_head_is_enough_though_it_stays_open(serve: Serve) -> None:
    server: Server

    def answer(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(OK + b"Content-Type: text/plain\r\n\r\nmore")
        server.gone.wait(15)

    server = serve(answer)
    began = time.monotonic()
    assert ask(server) == 200
    assert pace.is_within(time.monotonic() - began, 5)


def test_a_refused_connection(serve: Serve) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(http.NoAnswer, match="refused the connection"):
            http.ask(Endpoint("http", "127.0.0.1", unused.getsockname()[1]), "/", 5)


def test_a_reset_connection(serve: Serve) -> None:
    def answer(connection: socket.socket) -> None:
        head_of(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert why_not(serve(answer)) == "reset the connection"


@pytest.mark.parametrize(
    "text, reason",
    [
        (b"", "closed the connection without an answer"),
        (b"HTTP/1.1 200 OK\r\n", "sent no HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "sent no HTTP"),
        (b"HTTP/1.1 OK\r\n\r\n", "sent no HTTP"),
        (b"HTTP/1.1 2x0 OK\r\n\r\n", "sent no HTTP"),
        (b"HTTP/1.1 \r\n\r\n", "sent no HTTP"),
        (b"HTTP/1.1\r\n\r\n", "sent no HTTP"),
        (b"\r\n\r\n", "sent no HTTP"),
        (b"\0" * 100, "sent no HTTP"),
        (OK + b"Content-Length: 10\r\n\r\n123", "7 bytes before the end of its answer"),
    ],
)
def test_what_is_no_answer(serve: Serve, text: bytes, reason: str) -> None:
    assert reason in why_not(serve(saying(text)))


@pytest.mark.parametrize("length", [b"-5", b"many", b"", b"0x10", b"5,5"])
def test_a_nonsensical_length_counts_as_none(serve: Serve, length: bytes) -> None:
    assert ask(serve(saying(OK + b"Content-Length: " + length + b"\r\n\r\n"))) == 200


def test_big_headers_up_to_a_limit(serve: Serve) -> None:
    line = b"X-Padding: " + b"x" * 1000 + b"\r\n"
    assert ask(serve(saying(OK + line * 50 + b"\r\n"))) == 200

    def endless(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(OK)
        while True:
            connection.sendall(line)

    assert why_not(serve(endless), 5) == "sent no HTTP"


def trickling(text: bytes, server: list[Server]) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        head_of(connection)
        for place in range(len(text)):
            connection.sendall(text[place : place + 1])
            if server[0].gone.wait(0.05):
                return

    return answer


@pytest.mark.parametrize(
    "text",
    [
        OK + b"X-Long: " + b"x" * 1000,
        OK + b"Content-Length: 1000\r\n\r\n" + b"x" * 1000,
    ],
    ids=["head", "body"],
)
def test_the_deadline_is_over_all_of_a_trickling_answer(serve: Serve, text: bytes) -> None:
    servers: list[Server] = []
    servers.append(serve(trickling(text, servers)))
    began = time.monotonic()
    assert why_not(servers[0], 0.4) == "did not answer within 0.4 s"
    assert 0.3 < time.monotonic() - began < 3


def test_a_slow_answer_within_the_deadline_is_one(serve: Serve) -> None:
    servers: list[Server] = []
    servers.append(serve(trickling(b"HTTP/1.1 200 OK\r\n\r\n", servers)))
    assert ask(servers[0]) == 200


def test_one_that_accepts_and_says_nothing(serve: Serve) -> None:
    server: Server

    def answer(connection: socket.socket) -> None:
        server.gone.wait(15)

    server = serve(answer)
    began = time.monotonic()
    assert why_not(server, 0.3) == "did not answer within 0.3 s"
    assert pace.is_within(time.monotonic() - began, 3)


def test_one_that_never_accepts() -> None:
    """A frozen daemon: the kernel's queue accepts until it is full, then nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
            began = time.monotonic()
            with pytest.raises(http.NoAnswer, match=r"did not answer within 0\.3 s"):
                http.ask(Endpoint("http", "127.0.0.1", port), "/", 0.3)
            assert pace.is_within(time.monotonic() - began, 3)
        finally:
            for one in waiting:
                one.close()


def test_no_time_left_is_an_answer_that_did_not_come(serve: Serve) -> None:
    assert why_not(serve(saying(OK + b"\r\n")), 0.0).startswith("did not answer within 0 s")


class Grants(http.Idle):
    """Grants 0.2 s more, so many times. asked: the seconds of the request, each time."""

    def __init__(self, times: int) -> None:
        super().__init__(lambda: None)
        self.times, self.asked = times, []

    def more(self, seconds: float, took: float) -> float:
        assert took >= seconds
        self.asked.append(seconds)
        return 0.2 if len(self.asked) <= self.times else 0.0


def test_a_request_goes_on_if_its_time_was_not_that_of_the_server(serve: Serve) -> None:
    idle = Grants(2)
    server: Server

    def answer(connection: socket.socket) -> None:
        head_of(connection)
        eventually(lambda: idle.asked)
        connection.sendall(OK + b"Content-Length: 0\r\n\r\n")

    server = serve(answer)
    assert ask(server, 0.1, idle=idle) == 200
    assert idle.asked[0] == 0.1


def test_a_request_ends_once_nothing_more_is_granted(serve: Serve) -> None:
    idle = Grants(2)
    server: Server

    def answer(connection: socket.socket) -> None:
        server.gone.wait(15)

    server = serve(answer)
    with pytest.raises(http.Silence, match=r"within 0\.1 s"):
        ask(server, 0.1, idle=idle)
    assert idle.asked == [0.1, 0.1, 0.1]


def test_idle_is_called_while_it_waits_and_may_end_it(serve: Serve) -> None:
    server: Server

    def answer(connection: socket.socket) -> None:
        server.gone.wait(15)

    class Enough(Exception):
        pass

    calls = []

    def idle() -> None:
        calls.append(time.monotonic())
        if len(calls) == 3:
            raise Enough

    server = serve(answer)
    with pytest.raises(Enough):
        ask(server, 10.0, idle=http.Idle(idle))
    assert len(calls) == 3


def test_ipv6(serve: Serve) -> None:
    server = serve(saying(OK + b"\r\n"), "::1", socket.AF_INET6)
    assert http.ask(Endpoint("http", "::1", server.port), "/", 10).status == 200


def test_a_name_leads_to_whichever_of_its_addresses_answers(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's /etc/hosts lists ::1 first for localhost, where a daemon on 0.0.0.0 does not listen.
    Only the resolver is faked."""
    server = serve(saying(OK + b"\r\n"))
    both = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", server.port, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port)),
    ]

    def resolver(host: bytes, port: int, family: int, kind: int, proto: int = 0, flags: int = 0):
        if flags:
            raise http.gaierror(-2, "Name or service not known")
        return both

    monkeypatch.setattr(http, "getaddrinfo", resolver)
    assert http.ask(Endpoint("http", "localhost", server.port), "/", 10).status == 200


def test_a_name_that_does_not_resolve() -> None:
    with pytest.raises(http.NoAnswer, match="has a name that does not resolve"):
        http.ask(Endpoint("http", "no-such-host.invalid", 80), "/", 5)


def test_tls_to_a_plain_server_is_no_answer(serve: Serve) -> None:
    server = serve(saying(OK + b"\r\n"))
    with pytest.raises(http.NoAnswer):
        http.ask(Endpoint("https", "127.0.0.1", server.port), "/", 2, insecure=True)


def test_a_missing_ca_file_is_no_traceback(serve: Serve) -> None:
    server = serve(saying(OK + b"\r\n"))
    endpoint = Endpoint("https", "127.0.0.1", server.port)
    with pytest.raises(http.NoAnswer):
        http.ask(endpoint, "/", 2, cacert="/nonexistent/ca.pem")


@given(text=st.binary(max_size=200), prefix=st.sampled_from([b"", b"HTTP/1.1 ", OK]))
def test_whatever_comes_in_is_a_status_or_no_answer(serve: Serve, text: bytes, prefix) -> None:
    try:
        assert 0 <= ask(serve(saying(prefix + text))) <= 999
    except http.NoAnswer as error:
        assert str(error)


@given(text=st.binary(max_size=300))
def test_content_length_of_any_head(text: bytes) -> None:
    length = http._content_length(text.split(b"\r\n"))
    assert length is None or 0 <= length <= http.BODY_LIMIT
