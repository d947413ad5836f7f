"""The full check of what a service depends on: servers that are well, away, hung, or odd."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ocf_lib.dependencies import full_check
from ocf_lib.dependencies.database import Database
from ocf_lib.dependencies.full_check import Finding
from ocf_lib.dependencies.needs import Need
from ocf_lib.keystone.token import Token
from ocf_lib.net.endpoint import Endpoint
from tests import pace
from tests.unit.conftest import SECONDS, Server
from tests.unit.dependencies.test_database import HERE, Mysql, closed_port, error, hangs_up, says

Serve = Callable[..., Server]
GENEROUS, SHORT = 10.0, 0.5  # seconds, for servers that answer and for those that do not
START = b"\x01\0\0\0\0\0\x05\0\x0a\0\x0a\0\x09\xce"  # the frame of a Connection.Start
SILENCE = "did not answer within 0.5 s"
REFUSED = "refused the connection"
TOKEN = Token("gAAAAtoken", "3", 2**31, "nova|service")


def one(need: Need, seconds: float = GENEROUS, **more: object) -> Finding:
    (found,) = full_check.check([need], seconds, **more)  # type: ignore[arg-type]
    assert len(found.trouble.splitlines()) <= 1
    return found


def broker(*ports: int, tls: bool = False) -> Need:
    return Need("broker", "broker", [(HERE, port) for port in ports], tls, is_held=True)


def identity(port: int) -> Need:
    at = Endpoint("http", HERE, port, path="/identity")
    return Need("identity", "Identity", [(HERE, port)], at)


def mysql(port: int) -> Need:
    return Need("database", "database", [(HERE, port)], Database("mysql", HERE, port, "nova", "p"))


def http(status: int, asked: list[bytes] | None = None) -> Callable[[socket.socket], None]:
    """Answers each request with this status, and adds the request to `asked`."""

    def act(connection: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            part = connection.recv(4096)
            if not part:
                return
            request += part
        if asked is not None:
            asked.append(request)
        connection.sendall(b"HTTP/1.1 %d Some\r\nContent-Length: 0\r\n\r\n" % status)

    return act


silent = says(b"")


# -- a broker --------------------------------------------------------------------------------------


def test_a_broker_that_takes_connections(serve: Serve) -> None:
    server = serve(silent)
    found = one(broker(server.port))
    assert found.trouble == ""
    assert found.answered == (HERE, server.port)


def test_in_doubt_it_has_to_answer(serve: Serve) -> None:
    """A frozen broker also accepts connections: the kernel does it."""
    asked: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        asked.append(connection.recv(8, socket.MSG_WAITALL))
        connection.sendall(START)

    server = serve(answer)
    found = one(broker(server.port), in_doubt=True)
    assert (found.trouble, found.answered) == ("", (HERE, server.port))
    assert asked == [b"AMQP\x00\x00\x09\x01"]
    found = one(broker(serve(silent).port), SHORT, in_doubt=True)
    assert (found.trouble, found.answered) == (SILENCE, None)
    found = one(broker(serve(hangs_up(b"")).port), in_doubt=True)
    assert found.trouble == "closed the connection without a word"


@pytest.mark.parametrize("in_doubt", [False, True])
def test_a_broker_that_is_away(in_doubt: bool) -> None:
    found = one(broker(closed_port()), in_doubt=in_doubt)
    assert (found.trouble, found.answered) == (REFUSED, None)


def test_of_several_places_one_is_enough(serve: Serve) -> None:
    well = serve(silent).port
    for ports in ([closed_port(), well], [well, closed_port()]):
        found = one(broker(*ports))
        assert (found.trouble, found.answered) == ("", (HERE, well))


def test_hung_places_leave_time_for_the_next(serve: Serve) -> None:
    hung, well = [serve(silent).port for _ in range(2)], serve(says(START)).port
    found = one(broker(*hung, well), 2.0, in_doubt=True)
    assert (found.trouble, found.answered) == ("", (HERE, well))


def test_all_places_are_away(serve: Serve) -> None:
    """The finding describes the first place."""
    found = one(broker(closed_port(), serve(hangs_up(b"")).port), in_doubt=True)
    assert (found.trouble, found.answered) == (REFUSED, None)


def test_ipv6_and_a_name(serve: Serve) -> None:
    port = serve(silent).port
    found = one(Need("broker", "broker", [("localhost", port)]))
    assert found.trouble == ""
    assert found.answered is not None
    assert found.answered[0] in (HERE, "::1"), "a number: no name server is asked again"
    try:
        server = serve(silent, "::1", socket.AF_INET6)
    except OSError:
        pytest.skip("this host has no IPv6")
    found = one(Need("broker", "broker", [("::1", server.port)]))
    assert (found.trouble, found.answered) == ("", ("::1", server.port))


def test_a_host_that_is_not_known_cannot_be_blamed() -> None:
    found = one(Need("networking", "Networking API", [("", closed_port())]))
    assert (found.trouble, found.answered) == ("", None)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate: install openssl")
    folder = tmp_path_factory.mktemp("tls")
    made = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=broker.example", "-out", made[0],
         "-keyout", made[1]],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return made


def test_under_tls_a_handshake_is_enough(serve: Serve, certificate: tuple[Path, Path]) -> None:
    """The name in the certificate does not matter."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    def answer(connection: socket.socket) -> None:
        secure = context.wrap_socket(connection.dup(), server_side=True)
        with secure, contextlib.suppress(OSError):  # the client may leave early
            secure.recv(1)

    server = serve(answer)
    found = one(broker(server.port, tls=True), in_doubt=True)
    assert (found.trouble, found.answered) == ("", (HERE, server.port))
    found = one(broker(serve(silent).port, tls=True), SHORT, in_doubt=True)
    assert found.trouble == SILENCE
    found = one(broker(serve(says(START)).port, tls=True), in_doubt=True)
    assert found.trouble.startswith("failed a TLS handshake (")


# -- Identity --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 300, 401, 404])
def test_identity_that_answers(serve: Serve, status: int) -> None:
    asked: list[bytes] = []
    server = serve(http(status, asked))
    found = one(identity(server.port))
    assert (found.trouble, found.answered) == ("", (HERE, server.port))
    assert [request.split(b"\r\n")[0] for request in asked] == [b"GET /identity/ HTTP/1.1"]


def test_with_a_token_its_database_is_asked_too(serve: Serve) -> None:
    asked: list[bytes] = []
    server = serve(http(404, asked))  # Identity's answer to an unknown token
    assert one(identity(server.port), token=TOKEN).trouble == ""
    assert [request.split()[1] for request in asked] == [
        b"/identity/",
        b"/identity/v3/auth/tokens?nocatalog",
    ]
    assert b"gAAAAtoken" not in asked[0]
    for header in (b"X-Auth-Token: gAAAAtoken", b"X-Subject-Token: gAAAAtoken"):
        assert header in asked[1].split(b"\r\n")


def test_a_token_of_the_older_api_is_not_shown(serve: Serve) -> None:
    asked: list[bytes] = []
    older = Token("token2.0", "2.0", 2**31, "nova|service")
    assert one(identity(serve(http(300, asked)).port), token=older).trouble == ""
    assert len(asked) == 1
    assert b"token2.0" not in asked[0]


def test_identity_that_does_not(serve: Serve) -> None:
    assert one(identity(serve(http(503)).port)).trouble == "answered 503"
    assert one(identity(serve(silent).port), SHORT).trouble == SILENCE
    assert one(identity(closed_port())).trouble == REFUSED
    found = one(identity(serve(hangs_up(b"")).port))
    assert found.trouble == "closed the connection without an answer"


def test_identity_whose_database_is_away(serve: Serve) -> None:
    def answer(connection: socket.socket) -> None:
        request = connection.recv(65536)
        status = 500 if b"X-Subject-Token" in request else 300
        connection.sendall(b"HTTP/1.1 %d Some\r\nContent-Length: 0\r\n\r\n" % status)

    port = serve(answer).port
    assert one(identity(port)).trouble == ""
    found = one(identity(port), token=TOKEN)
    assert found.trouble == "answered 500 to a token"
    assert found.answered is None


# -- databases -------------------------------------------------------------------------------------


def test_a_database_is_logged_in_to(serve: Serve) -> None:
    pytest.importorskip("pymysql")
    answers = Mysql()
    server = serve(answers)
    found = one(mysql(server.port))
    assert (found.trouble, found.answered) == ("", (HERE, server.port))
    assert len(answers.accounts) == 1
    busy = serve(Mysql(error(1040, "Too many connections")))
    assert one(mysql(busy.port)).trouble == "answered error 1040 (Too many connections)"


def test_a_database_of_which_only_the_port_is_known(serve: Serve) -> None:
    server = serve(silent)
    known = Database("", HERE, server.port)
    assert one(Need("database", "database", [(HERE, server.port)], known)).trouble == ""
    port = closed_port()
    known = Database("", HERE, port)
    assert one(Need("database", "database", [(HERE, port)], known)).trouble == REFUSED


# -- all of them -----------------------------------------------------------------------------------


def test_nothing_to_look_at() -> None:
    assert full_check.check([], GENEROUS) == []


def test_each_has_its_own_finding_in_order(serve: Serve) -> None:
    """Servers that hang take no time from those that follow."""
    hung = [identity(serve(silent).port) for _ in range(2)]
    away, well = closed_port(), serve(silent).port
    found = full_check.check([*hung, mysql(away), broker(well), broker(away)], SHORT)
    assert [finding.trouble for finding in found] == [SILENCE, SILENCE, REFUSED, "", REFUSED]
    assert [finding.answered for finding in found] == [None, None, None, (HERE, well), None]


def test_all_are_looked_at_together(serve: Serve) -> None:
    """Three servers that hang cost no more time than one."""
    pytest.importorskip("pymysql")
    seconds = 1.5
    needs = [make(serve(silent).port) for make in (mysql, broker, identity)]
    began = time.monotonic()
    found = full_check.check(needs, seconds, in_doubt=True)
    assert pace.is_within(time.monotonic() - began, 2 * seconds), (
        "one after the other take three times as long"
    )
    assert {finding.trouble for finding in found} == {"did not answer within 1.5 s"}


def test_a_look_is_never_longer_than_its_own_limit(serve: Serve) -> None:
    began = time.monotonic()
    found = one(identity(serve(silent).port), 3600)
    assert found.trouble == f"did not answer within {full_check.SECONDS:.2g} s"
    assert pace.is_within(time.monotonic() - began, SECONDS)


@pytest.mark.parametrize("seconds", [0, -5])
def test_no_time_left(serve: Serve, seconds: float) -> None:
    found = one(identity(serve(silent).port), seconds)
    assert found.trouble == "did not answer within 0.1 s"


# -- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", "no such host", "h\u00f4\x00"])
@pytest.mark.parametrize("in_doubt", [False, True])
def test_a_name_that_does_not_resolve(
    host: str, in_doubt: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    needs = [Need("broker", "broker", [(host, 5672)], tls) for tls in (False, True)] + [
        Need("database", "database", [(host, 1)], Database("mysql", host, 1, "nova", "p"))
    ]
    for finding in full_check.check(needs, GENEROUS, in_doubt=in_doubt):
        assert finding.trouble
        assert finding.answered is None
    assert capfd.readouterr().err == "", "no traceback of a thread"


def test_a_name_server_that_hangs(monkeypatch: pytest.MonkeyPatch, serve: Serve) -> None:
    """It costs the time of one check, however many servers follow."""
    hung, real = threading.Event(), socket.getaddrinfo

    def resolve(host: str, *more: object) -> object:
        if host == "hung.example":
            hung.wait(SECONDS)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return real(host, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    needs = [Need("broker", "broker", [("hung.example", 5672)]), broker(serve(silent).port)]
    try:
        began = time.monotonic()
        found = full_check.check(needs, SHORT)
        assert pace.is_within(time.monotonic() - began, SECONDS / 2)
    finally:
        hung.set()
    assert [finding.trouble for finding in found] == [SILENCE, ""]
