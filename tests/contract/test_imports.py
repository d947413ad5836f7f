"""What each action imports, frozen: a new import is a line here, and a reviewer's question.

style.md has what each costs. The agent's own first line says `-IS`; so is it run here, with
`-X importtime`, which names every module that is loaded, whoever loads it.
"""

from __future__ import annotations

import http.server
import os
import socketserver
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocf_lib.endpoint import Endpoint
from ocf_lib.process import Ending, Identity, stat
from ocf_lib.record import Record
from ocf_lib.token import Token
from tests.calling import AGENTS, ROOT, Caller
from tests.contract.node import BareNode
from tests.contract.state import keep

PYTHON = ("/usr/bin/python3", "-I", "-S", "-X", "importtime")

# Ours, exactly. Of the standard library any of what is free.
HEALTHY = {
    "agent",
    "declared",
    "environment",
    "instance",
    "monitor",
    "outcomes",
    "parameters",
    "process",
    "record",
    "service",
}
OWN = {
    "meta-data": (HEALTHY - {"monitor"}) | {"metadata", "packages"},
    "usage": HEALTHY - {"monitor"},
    "monitor 0": HEALTHY | {"endpoint"},
    "monitor 10": HEALTHY | {"api", "endpoint", "http", "token"},
    "monitor 10 https": HEALTHY | {"api", "endpoint", "http", "tls", "token"},
    "stop": (HEALTHY - {"monitor"})
    | {"adoption", "command", "endpoint", "files", "http", "launcher", "lock", "log"}
    | {"members", "sockets", "stop", "tls"},
}
# `os` brings its own half dozen; the rest is built in or nearly so.
FREE = {"__future__", "abc", "codecs", "genericpath", "io", "os", "posixpath", "stat", "time"}
# What `ssl` brings, from Python 3.9 to 3.13.
TLS = {
    *("array", "base64", "binascii", "calendar", "collections", "contextlib", "copyreg", "enum"),
    *("errno", "functools", "heapq", "itertools", "keyword", "math", "operator", "re", "reprlib"),
    *("select", "selectors", "socket", "sre_compile", "sre_constants", "sre_parse", "ssl"),
    *("struct", "types", "warnings"),
}
# What `subprocess` and `shlex` bring beyond that.
LAUNCH = {
    *("fcntl", "fnmatch", "glob", "grp", "locale", "msvcrt", "pwd", "resource", "shlex"),
    *("signal", "subprocess", "syslog", "threading"),
}
# The top-level names, without those that begin with _: the rest is the interpreter's own affair.
STANDARD = {
    "usage": FREE,
    "monitor 0": FREE,
    "monitor 10": FREE,
    "monitor 10 https": FREE | TLS,
    "stop": FREE | TLS | LAUNCH,
}


def loaded(caller: Caller, words: str, folder: BareNode | None = None, **extra: str) -> set[str]:
    """The modules that `words` load beyond those of the bare interpreter. The call must succeed."""
    environment = {**caller.environment(), **extra}
    found = []
    for arguments in (["-c", "pass"], [str(AGENTS / caller.agent), *words.split()]):
        line = [*PYTHON, *arguments]
        if folder is not None:
            done = folder(line, environment)
            code, err = done.code, done.err
        else:
            run = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
            code, err = run.returncode, run.stderr
        assert code == 0, err[-2000:]
        names = {row.rpartition("|")[2].strip() for row in err.splitlines() if "|" in row}
        found.append(names)
    assert "ocf_lib.agent" in found[1]
    return found[1] - found[0]


def check(names: set[str], action: str) -> None:
    own = {name.partition(".")[2] for name in names if name.startswith("ocf_lib.")}
    assert own == OWN[action]
    roots = {name.split(".")[0] for name in names} - {"ocf_lib"}
    standard = {name for name in roots if not name.startswith("_") or name == "__future__"}
    if action == "meta-data":
        # lxml, and with it whatever hooks the host has put into its dist-packages
        assert not standard & {"keystoneauth1", "keystoneclient", "psutil", "requests"}
        return
    assert standard - STANDARD[action] == set()


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """An API that takes any token. seen: the paths that were asked for with one."""

    daemon_threads = True

    def __init__(self, certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[str] = []
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if self.headers.get("X-Auth-Token"):
            self.server.seen.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def daemon() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives."""
    process = subprocess.Popen(["/bin/sleep", "60"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


@pytest.fixture(params=["http", "https"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    certificate = None
    if request.param == "https":
        certificate = tmp_path / "both.pem"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
                *("-subj", "/CN=localhost", "-keyout", certificate),
                *("-out", tmp_path / "public.pem"),
            ],
            check=True,
            capture_output=True,
        )
        with certificate.open("a") as file:
            file.write((tmp_path / "public.pem").read_text())
    made = Server(certificate)
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


CREDENTIALS = {
    "os_auth_url": "http://192.0.2.1:5000/v3",
    "os_username": "admin",
    "os_password": "secret",
}


def record_of(process: subprocess.Popen[bytes]) -> Record:
    found = stat(process.pid)
    assert found is not None
    return Record(Identity.of(found), Ending(15, 0))


def has_api(tree) -> bool:
    return any(parameter.get("name") == "api_timeout" for parameter in tree.iter("parameter"))


@pytest.mark.parametrize("action", ["meta-data", "usage"])
def test_describing(call: Caller, action: str) -> None:
    check(loaded(call, action), action)


@pytest.mark.root
def test_monitor_of_the_processes(call: Caller, daemon) -> None:
    record = record_of(daemon)
    record.endpoint = Endpoint("http", "127.0.0.1", 1)
    keep(call, "record", record)
    check(loaded(call, "monitor", OCF_CHECK_LEVEL="0"), "monitor 0")
    check(loaded(call, "status"), "monitor 0")


@pytest.mark.root
def test_monitor_with_a_kept_token(call: Caller, tree, daemon, server: Server) -> None:
    if not has_api(tree):
        return
    scheme = "https" if isinstance(server.socket, ssl.SSLSocket) else "http"
    record = record_of(daemon)
    record.endpoint = Endpoint(scheme, "127.0.0.1", server.server_address[1])
    keep(call, "record", record)
    call.parameters = CREDENTIALS
    holder = "|".join([CREDENTIALS["os_auth_url"], "admin", "", "Default", "Default"])
    keep(call, "token", Token("gAAAA", "3", int(time.time()) + 3600, holder))
    for more in ({}, {"OCF_CHECK_LEVEL": "10"}, {"OCF_CHECK_LEVEL": "15"}):
        names = loaded(call, "monitor", OCF_RESKEY_CRM_meta_interval="20000", **more)
        check(names, "monitor 10" + (" https" if scheme == "https" else ""))
    assert len(server.seen) == 3, "the token was presented"


@pytest.mark.root
def test_stop_of_a_stopped_one(call: Caller, bare: BareNode) -> None:
    names = loaded(call, "stop", bare)
    check(names, "stop")
    assert not any("dist-packages" in name or name == "site" for name in names)


def test_the_lists_are_of_this_library() -> None:
    modules = {name[:-3] for name in os.listdir(ROOT / "ocf_lib") if name.endswith(".py")}
    for names in OWN.values():
        assert names <= modules
