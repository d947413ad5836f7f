"""What an API is asked and what its answers mean, with real servers."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from ocf_lib.declare import credentials, standard
from ocf_lib.declare.service import Api, Service
from ocf_lib.health import discover
from ocf_lib.health.api import Client, public_url
from ocf_lib.instance import Instance
from ocf_lib.keystone.token import Token
from ocf_lib.net.endpoint import Endpoint
from ocf_lib.outcomes import Degraded, Failed
from tests.unit.conftest import PYTHON, Processes, Server, demo, patience_of
from tests.unit.net.test_http import head_of

Make = Callable[..., Instance]
WORD = "csrfmiddlewaretoken"
PARAMETERS = (
    *standard.daemon("demo-of-ocf-lib", user="root"),
    *standard.api("http://127.0.0.1:9999"),
    standard.console_port(6080),
)
CREDENTIALS = credentials.credentials()


def without_credentials(api: Api, **changes: object) -> Service:
    return demo(api=api, parameters=PARAMETERS, **changes)


class Site:
    """A server that gives every request the same answer, and keeps the requests."""

    def __init__(self, serve: Callable[..., Server], make: Make) -> None:
        self.serve, self.make = serve, make
        self.heads: list[str] = []

    def client(
        self, api: Api, status: int = 200, body: bytes = b"", *, length: bool = True
    ) -> Client:
        def answer(connection: socket.socket) -> None:
            self.heads.append(head_of(connection).decode())
            head = f"HTTP/1.1 {status} Whatever\r\n"
            head += f"Content-Length: {len(body)}\r\n\r\n" if length else "\r\n"
            connection.sendall(head.encode() + body)

        service = demo(
            api=api, parameters=(*PARAMETERS, *(CREDENTIALS if api.authenticated else ()))
        )
        instance = self.make(service, api_timeout=5)
        server = self.serve(answer)
        found = Endpoint(
            "http", "127.0.0.1", server.port, path=Endpoint.parse(api.site).path if api.site else ""
        )
        return Client(instance, found, patience_of(instance))

    @property
    def first_lines(self) -> list[str]:
        return [head.split("\r\n")[0] for head in self.heads]


@pytest.fixture
def site(serve: Callable[..., Server], instance_of: Make) -> Site:
    return Site(serve, instance_of)


# -- pages -------------------------------------------------------------------------------------

PAGE = Api(80, "/auth/login/", page=WORD, site="http://localhost/horizon")
LONG = b"x" * 150_000


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("body", [WORD.encode(), LONG + WORD.encode() + LONG])
def test_a_page_with_the_word_is_the_service_s(site: Site, body: bytes, length: bool) -> None:
    site.client(PAGE, 200, body, length=length).check()
    site.client(PAGE, 200, body, length=length).check(deep=True)
    assert site.first_lines == ["GET /horizon/auth/login/ HTTP/1.0"] * 2
    hosts = [line for line in site.heads[0].split("\r\n") if line.startswith("Host:")]
    assert len(hosts) == 1
    assert hosts[0].startswith("Host: localhost:"), "Django knows its sites by name"


@pytest.mark.parametrize("body", [b"", b"<html>It works!</html>", WORD[:-1].encode()])
def test_a_page_without_the_word_is_an_error_s(site: Site, body: bytes) -> None:
    client = site.client(PAGE, 200, body)
    with pytest.raises(Failed) as caught:
        client.check()
    assert f"no {WORD} is in it" in str(caught.value)[:128]
    assert str(caught.value).startswith(f"page {client.endpoint.url}/auth/login/ is not")


@pytest.mark.parametrize("status", [500, 502, 503, 599])
def test_an_error_of_the_server_is_a_failure_even_with_the_word(site: Site, status: int) -> None:
    with pytest.raises(Failed, match=f"/horizon/auth/login/ answered {status}$"):
        site.client(PAGE, status, WORD.encode()).check()


@pytest.mark.parametrize("status", [204, 301, 302, 400, 401, 403, 404])
def test_another_page_s_status_is_nothing_that_a_restart_mends(site: Site, status: int) -> None:
    with pytest.raises(Degraded, match=f"answered {status}: parameter url must name"):
        site.client(PAGE, status, WORD.encode()).check()


@pytest.mark.parametrize("status", [200, 300, 302, 401, 404])
def test_without_a_page_any_answer_will_do(site: Site, status: int) -> None:
    site.client(Api(80, "/x"), status).check()
    assert site.first_lines == ["GET /x HTTP/1.1"]


def test_a_url_without_any_credentials(serve: Callable[..., Server], instance_of: Make) -> None:
    def answer(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(b"HTTP/1.1 300 Multiple Choices\r\n\r\n")

    port, api = serve(answer).port, Api(80, "/")
    instance = instance_of(without_credentials(api), url=f"http://127.0.0.1:{port}")
    Client(instance, Endpoint("http", "127.0.0.1", port), patience_of(instance)).check()


def test_without_a_page_a_body_without_an_end_is_not_waited_for(
    serve: Callable[..., Server], instance_of: Make
) -> None:
    server: Server

    def answer(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nsome")
        server.gone.wait(15)

    server = serve(answer)
    for api, raises in ((Api(80, "/"), False), (Api(80, "/", page=WORD), True)):
        instance = instance_of(without_credentials(api), api_timeout=1)
        client = Client(instance, Endpoint("http", "127.0.0.1", server.port), patience_of(instance))
        if raises:
            with pytest.raises(Failed, match="did not answer within 1 s"):
                client.check()
        else:
            client.check()


# -- tokens ------------------------------------------------------------------------------------


def token(version: str = "3", project: str = "") -> Token:
    return Token("gAAAA", version, int(time.time()) + 3600, "me", project)


@pytest.mark.parametrize("kind", ["identity", "compute"])
@pytest.mark.parametrize(
    "status, good", [(200, True), (204, True), (300, True), (400, True), (403, True), (401, False)]
)
def test_a_token_is_good_unless_it_is_refused(
    site: Site, kind: str, status: int, good: bool
) -> None:
    api = Api(80, "/", authenticated="/x", service_type=kind)
    assert site.client(api, status).present(token()) is good


@pytest.mark.parametrize("kind, good", [("identity", False), ("compute", True), ("", True)])
def test_only_identity_says_404_of_a_token(site: Site, kind: str, good: bool) -> None:
    api = Api(80, "/", authenticated="/x", service_type=kind)
    assert site.client(api, 404).present(token()) is good


def test_an_error_in_answer_to_a_token_is_a_failure(site: Site) -> None:
    api = Api(80, "/", authenticated="/x?limit=1")
    with pytest.raises(Failed, match=r"/x answered 503 to a token$"):
        site.client(api, 503).present(token())


@pytest.mark.parametrize(
    "authenticated, version, line",
    [
        ("/v3/{project}/volumes?limit=1", "3", "GET /v3/0c2a/volumes?limit=1 HTTP/1.1"),
        ("/v1/AUTH_{project}", "3", "GET /v1/AUTH_0c2a HTTP/1.1"),
        ("/v2/images", "2.0", "GET /v2/images HTTP/1.1"),
        ({"3": "/three", "2.0": "/two/{project}"}, "2.0", "GET /two/0c2a HTTP/1.1"),
        ({"3": "/three", "2.0": "/two/{project}"}, "3", "GET /three HTTP/1.1"),
    ],
)
def test_what_a_token_is_shown_to(
    site: Site, authenticated: dict[str, str] | str, version: str, line: str
) -> None:
    api = Api(80, "/", authenticated=authenticated, token_headers=("X-One", "X-Two"))
    assert site.client(api).present(token(version, "0c2a"))
    assert site.first_lines == [line]
    assert "X-One: gAAAA\r\nX-Two: gAAAA" in site.heads[0]


# -- which of the daemon's sockets ---------------------------------------------------------------

LISTEN = """
import socket, time
servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
for port in sorted(server.getsockname()[1] for server in servers):
    print(port, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("which", [0, 1, 2])
def test_the_usual_port_or_the_one_that_the_operator_names_is_asked(
    processes: Processes, instance_of: Make, which: int
) -> None:
    process, ports = processes.run(PYTHON, "-I", "-c", LISTEN, lines=3)
    usual = instance_of(without_credentials(Api(ports[which], "/")))
    named = instance_of(without_credentials(Api("console_port", "/")), console_port=ports[which])
    for instance in (usual, named):
        found = discover.endpoint_of(instance, process.pid)
        assert found == Endpoint("http", "127.0.0.1", ports[which])
    neither = instance_of(without_credentials(Api("console_port", "/")), console_port=1)
    assert discover.endpoint_of(neither, process.pid) == Endpoint("http", "127.0.0.1", ports[0])


def test_a_site_that_is_not_at_the_root(processes: Processes, instance_of: Make) -> None:
    process, ports = processes.run(PYTHON, "-I", "-c", LISTEN, lines=3)
    api = Api(ports[1], "/", page=WORD, site="http://dash.example/a/b")
    instance = instance_of(without_credentials(api))
    found = discover.endpoint_of(instance, process.pid)
    assert found == Endpoint("http", "127.0.0.1", ports[1], path="/a/b")
    assert public_url(api, instance.parameters) == "http://dash.example/a/b"
    elsewhere = instance_of(without_credentials(api), url=f"http://127.0.0.1:{ports[2]}/c")
    found = discover.endpoint_of(elsewhere, process.pid)
    assert found == Endpoint("http", "127.0.0.1", ports[2], path="/c")
    assert public_url(api, elsewhere.parameters) == f"http://127.0.0.1:{ports[2]}/c"
