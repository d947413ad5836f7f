"""Does a database answer? A tiny server stands in for it, for PyMySQL and for a plain socket."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ocf_lib.dependencies import database
from ocf_lib.dependencies.database import Database
from tests.unit.conftest import Server, eventually

pytest.importorskip("pymysql")

Serve = Callable[..., Server]
Answer = Callable[[socket.socket], None]
SECONDS = 5.0  # for servers that answer
SHORT = 0.5  # for servers that do not
PASSWORD = "s3cret-w0rd"
HERE = "127.0.0.1"


# -- MariaDB's protocol, as far as the log-in ------------------------------------------------------


def packet(number: int, body: bytes) -> bytes:
    return struct.pack("<I", len(body))[:3] + bytes([number]) + body


def hello(plugin: bytes = b"mysql_native_password") -> bytes:
    """The greeting of a server with protocol 4.1, which names its authentication plugin."""
    capabilities = 0x0200 | 0x8000 | 0x00080000  # PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH
    low, high = struct.pack("<I", capabilities)[:2], struct.pack("<I", capabilities)[2:]
    body = b"\x0a5.5.5-10.11.6-MariaDB\0" + struct.pack("<I", 7) + b"abcdefgh\0" + low
    body += b"\x21\x02\0" + high + b"\x15" + bytes(10) + b"ijklmnopqrst\0" + plugin + b"\0"
    return packet(0, body)


OK = b"\0\0\0\x02\0\0\0"


def error(number: int, text: str) -> bytes:
    return b"\xff" + struct.pack("<H", number) + b"#HY000" + text.encode()


def read(connection: socket.socket) -> tuple[int, bytes]:
    """Number and body of the next packet; (-1, b"") at the end."""
    head = connection.recv(4, socket.MSG_WAITALL)
    if len(head) < 4:
        return -1, b""
    size = int.from_bytes(head[:3], "little")
    return head[3], connection.recv(size, socket.MSG_WAITALL) if size else b""


class Mysql:
    """Greets, accepts any password or refuses it with `refusal`, and answers each query with OK.

    accounts: the log-ins tried. questions: the queries that followed a log-in.
    """

    def __init__(self, refusal: bytes = b"", plugin: bytes = b"mysql_native_password") -> None:
        self.refusal, self.plugin = refusal, plugin
        self.accounts: list[bytes] = []
        self.questions: list[bytes] = []

    def __call__(self, connection: socket.socket) -> None:
        connection.sendall(hello(self.plugin))
        number, account = read(connection)
        self.accounts.append(account)
        connection.sendall(packet(number + 1, self.refusal or OK))
        while not self.refusal:
            number, question = read(connection)
            if number < 0:
                return
            self.questions.append(question)
            if question == b"\x01":  # COM_QUIT
                return
            connection.sendall(packet(number + 1, OK))


def says(data: bytes) -> Answer:
    """A server that sends this and then waits."""

    def act(connection: socket.socket) -> None:
        connection.sendall(data)
        while connection.recv(1000):
            pass

    return act


def hangs_up(data: bytes) -> Answer:
    """A server that sends this and then closes the connection."""

    def act(connection: socket.socket) -> None:
        connection.sendall(data)
        with contextlib.suppress(OSError):  # the client may have left first
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1000):
                pass

    return act


def mysql(port: int, password: str = PASSWORD) -> Database:
    return Database("mysql", HERE, port, "nova", password)


def closed_port() -> int:
    with socket.socket() as free:
        free.bind((HERE, 0))
        port: int = free.getsockname()[1]
    return port


# -- MySQL -----------------------------------------------------------------------------------------


def look(server: Server, seconds: float = SECONDS, password: str = PASSWORD) -> str:
    said = database.check(mysql(server.port, password), HERE, server.port, seconds)
    assert PASSWORD not in said
    return said


def test_it_logs_in_as_the_service_and_says_good_bye(serve: Serve) -> None:
    """MySQL counts clients that skip the good-bye, then locks them out (max_connect_errors)."""
    answers = Mysql()
    assert look(serve(answers)) == ""
    (account,) = answers.accounts
    assert b"nova\0" in account
    assert PASSWORD.encode() not in account
    good_bye = b"\x01"
    eventually(lambda: answers.questions[-1:] == [good_bye])
    assert answers.questions[-2] == b"\x03select 1"


def test_the_address_that_is_given_is_asked(serve: Serve) -> None:
    """The address may be a parameter's port, or one of several addresses of the host."""
    server = serve(Mysql())
    elsewhere = Database("mysql", "db.invalid", closed_port(), "nova", PASSWORD)
    assert database.check(elsewhere, HERE, server.port, SECONDS) == ""


def test_ipv6(serve: Serve) -> None:
    try:
        server = serve(Mysql(), "::1", socket.AF_INET6)
    except OSError:
        pytest.skip("this host has no IPv6")
    assert database.check(mysql(server.port), "::1", server.port, SECONDS) == ""


@pytest.mark.parametrize("number", database.ALIVE)
def test_a_server_that_knows_us_and_does_not_let_us_in_lives(serve: Serve, number: int) -> None:
    text = "Access denied for user 'nova'@'localhost' (using password: YES)"
    assert look(serve(Mysql(error(number, text)))) == ""


@pytest.mark.parametrize(
    "number, text",
    [
        (1040, "Too many connections"),
        (1129, "Host '10.0.0.1' is blocked because of many connection errors"),
        (1053, "Server shutdown in progress"),
        (1226, "User 'nova' has exceeded the 'max_user_connections' resource (current value: 1)"),
        (1047, "WSREP has not yet prepared node for application use"),
    ],
)
def test_a_server_that_takes_nobody_does_not(serve: Serve, number: int, text: str) -> None:
    said = look(serve(Mysql(error(number, text))))
    assert said == f"answered error {number} ({text[:80]})"
    greeted = look(serve(hangs_up(packet(0, error(number, text)))))
    assert greeted.startswith(f"answered error {number} (")


def test_a_server_that_fails_at_the_first_question(serve: Serve) -> None:
    """A Galera node that has left its cluster accepts every log-in."""
    text = "WSREP has not yet prepared node for application use"

    def answer(connection: socket.socket) -> None:
        connection.sendall(hello())
        number, _ = read(connection)
        connection.sendall(packet(number + 1, OK))
        while number >= 0:
            number, question = read(connection)
            said = error(1047, text) if question.startswith(b"\x03select") else OK
            if number >= 0:
                connection.sendall(packet(number + 1, said))

    assert look(serve(answer)) == f"answered error 1047 ({text})"


def test_what_a_server_says_is_one_short_line(serve: Serve) -> None:
    said = look(serve(Mysql(error(1040, "first\nsecond\n" + "x" * 5000))))
    assert said == "answered error 1040 (first)"
    said = look(serve(Mysql(error(1040, "x" * 5000))))
    assert len(said) < 128
    assert look(serve(Mysql(error(1040, "")))) == "answered error 1040 (no text)"


def test_refused() -> None:
    port = closed_port()
    assert database.check(mysql(port), HERE, port, SECONDS) == "refused the connection"


def test_silent(serve: Serve) -> None:
    assert look(serve(says(b"")), SHORT) == "did not answer within 0.5 s"


def test_silent_after_its_greeting(serve: Serve) -> None:
    assert look(serve(says(hello())), SHORT) == "did not answer within 0.5 s"


def test_closed_at_once(serve: Serve) -> None:
    assert look(serve(hangs_up(b"")))


def test_closed_after_its_greeting(serve: Serve) -> None:
    assert look(serve(hangs_up(hello())))


@given(st.binary(max_size=120))
@example(b"HTTP/1.1 400 Bad Request\r\n\r\n")
@example(packet(0, b""))
@example(packet(0, b"\x0a"))
@example(packet(0, b"\x0a5.5"))
@example(hello()[:30])
@example(hello()[:4] + b"\xff" * 80)
@example(packet(0, b"\xff"))
@example(packet(0, b"\xff\x15\x04"))
@example(packet(0, b"\xff\x10\x04Too many connections"))
def test_any_greeting_makes_no_traceback(data: bytes) -> None:
    """Any finding is a single line."""
    server = Server(hangs_up(data), HERE, socket.AF_INET)
    try:
        said = look(server)
    finally:
        server.close()
    assert said == "" or said.splitlines() == [said]


@pytest.mark.parametrize("plugin", [b"caching_sha2_password", b"sha256_password", b"no_such"])
def test_a_way_to_log_in_that_we_may_not_know(serve: Serve, plugin: bytes) -> None:
    """MySQL 8: python3-pymysql only recommends python3-cryptography, which this needs."""
    answers = Mysql(plugin=plugin)
    assert look(serve(answers)) == ""


def test_a_way_to_log_in_that_we_cannot_go(serve: Serve) -> None:
    """The server greets us, so it is alive: without TLS it wants the password under its RSA key."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(hello(b"caching_sha2_password"))
        for said in (b"\x01\x04", b"\x01this is no key"):  # "full authentication", the key
            number, _ = read(connection)
            if number >= 0:
                connection.sendall(packet(number + 1, said))

    assert look(serve(answer)) == ""


@given(st.text(st.characters(blacklist_categories=["Cs"]), max_size=20))
@example("\u20ac")
@example("p@ss/w:rd?#[] %2F;&='\"\\")
@example("\0\x1a\n")
@example("x" * 300)
def test_a_password_of_any_signs(word: str) -> None:
    """The password is used for the log-in and never shown."""
    url = f"mysql+pymysql://nova:{quote(word, safe='')}@{HERE}/nova"

    class Options:
        def get(self, section: str, *names: str) -> str:
            return url if section == "database" else ""

    (found,) = database.configured(Options(), ["database"])  # type: ignore[arg-type]
    assert found.password == word
    refusal = error(1040, "Too many connections")
    server = Server(Mysql(refusal), HERE, socket.AF_INET)
    try:
        said = database.check(found, HERE, server.port, SECONDS)
    finally:
        server.close()
    assert said in ("answered error 1040 (Too many connections)", ""), "no piece of the password"


def test_certificates_that_are_gone(serve: Serve) -> None:
    server = serve(Mysql())
    secure = Database("mysql", HERE, server.port, "nova", PASSWORD, "/nonexistent/ca.pem")
    said = database.check(secure, HERE, server.port, SECONDS)
    assert "\n" not in said
    assert PASSWORD not in said


# -- PostgreSQL, and others ------------------------------------------------------------------------


def postgresql(server: Server, seconds: float = SECONDS) -> str:
    known = Database("postgresql", HERE, server.port, "nova", PASSWORD)
    return database.check(known, HERE, server.port, seconds)


@pytest.mark.parametrize("answer", [b"S", b"N", b"E\0\0\0\x10SFATAL\0\0"])
def test_postgresql_answers_whether_it_speaks_tls(serve: Serve, answer: bytes) -> None:
    asked: list[bytes] = []

    def act(connection: socket.socket) -> None:
        asked.append(connection.recv(8, socket.MSG_WAITALL))
        connection.sendall(answer)

    assert postgresql(serve(act)) == ""
    assert asked == [bytes.fromhex("00000008 04d2162f")]  # SSLRequest, 80877103


def test_postgresql_that_does_not(serve: Serve) -> None:
    assert postgresql(serve(says(b"")), SHORT) == "did not answer within 0.5 s"
    assert postgresql(serve(hangs_up(b""))) == "closed the connection without a word"
    port = closed_port()
    known = Database("postgresql", HERE, port)
    assert database.check(known, HERE, port, SECONDS) == "refused the connection"


def test_a_greeting(serve: Serve) -> None:
    assert database.greeting(HERE, serve(says(hello())).port, SECONDS, b"") == ""
    assert database.greeting(HERE, serve(says(b"")).port, SHORT, b"") == (
        "did not answer within 0.5 s"
    )


def test_a_connection_that_is_reset(serve: Serve) -> None:
    def act(connection: socket.socket) -> None:
        connection.recv(4)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert database.greeting(HERE, serve(act).port, SECONDS, b"hello") == "reset the connection"


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", "no such host", "", "127.0.0.999"])
def test_a_name_that_is_none(host: str) -> None:
    said = database.greeting(host, 1, SECONDS, b"")
    assert said.startswith(("has a name that does not resolve (", "cannot be reached ("))
    known = Database("mysql", host, 1, "nova", PASSWORD)
    said = database.check(known, host, 1, SECONDS)
    assert said
    assert "\n" not in said
