"""What each action imports, as a frozen list: a new import is a new line here, for review.

style.md has the cost of each import. As in the agent's own first line, Python runs with `-IS`; the
added `-X importtime` names every module that is loaded, whatever loads it.

Agent files themselves load only hot modules (test_structure.py), so one agent of each kind stands
for all.
"""

from __future__ import annotations

import http.server
import os
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from ocf_lib.keystone import token
from ocf_lib.keystone.token import Token
from ocf_lib.net import sockets
from ocf_lib.net.endpoint import Endpoint
from tests.calling import AGENTS, ROOT, Caller
from tests.contract.kinds import declaration
from tests.contract.node import BareNode
from tests.contract.state import keep, record_of, state_file
from tests.contract.values import has_api, names

pytestmark = pytest.mark.library

PYTHON = ("/usr/bin/python3", "-I", "-S", "-X", "importtime")

# Modules of the library: exactly these. From the standard library, any of the free ones.
HEALTHY = {
    *("agent", "environment", "instance", "numbers", "outcomes"),
    *("actions", "actions.monitor", "actions.overdue"),
    *("declare", "declare.actions", "declare.parameters", "declare.service", "declare.standard"),
    *("processes", "processes.process"),
    *("state", "state.notes", "state.record", "state.statefile"),
}
MONITOR = {"actions.monitor", "actions.overdue"}
ENDPOINT = {"net", "net.endpoint"}
QUICK = {"dependencies", "dependencies.quick_check", "net", "net.links", "net.patience"}
API = {"health", "health.api", "health.late", "keystone", "keystone.token", "net.failures"}
API |= {"net.http"}
OWN = {
    "meta-data": (HEALTHY - MONITOR) | {"actions.metadata", "libraries"},
    "usage": HEALTHY - MONITOR - {"actions"},
    "monitor 0": HEALTHY | ENDPOINT,
    "monitor 10": HEALTHY | ENDPOINT | QUICK | API,
    "monitor 10 https": HEALTHY | ENDPOINT | QUICK | API | {"net.tls"},
    "monitor 10 connected": HEALTHY | QUICK,
    "stop": (HEALTHY - MONITOR)
    | {"actions.stop", "launch", "launch.command", "launch.running", "launch.user"}
    | {"launch.uwsgi_ini", "log", "processes.members", "processes.procfs", "processes.signals"}
    | {"state.files", "state.lock"},
}
# Built in, or nearly. Not `os`: it costs 1 ms of CPU, `posix` nothing.
FREE = {"__future__", "binascii", "errno", "posix", "time"}
OS = {"abc", "codecs", "genericpath", "io", "os", "posixpath", "stat"}
# What `re`, `contextlib` and `signal` load, in Python 3.9 to 3.14.
COMMON = OS | {
    *("collections", "contextlib", "copyreg", "enum", "functools", "itertools", "keyword", "math"),
    *("operator", "re", "reprlib", "signal", "sre_compile", "sre_constants", "sre_parse", "types"),
}
# What `ssl` loads beyond that.
TLS = COMMON | {
    *("array", "base64", "binascii", "calendar", "errno", "heapq", "select", "selectors", "socket"),
    *("ssl", "struct", "warnings"),
}
# What a stop needs: no TLS and no subprocess.
STOP = COMMON | {
    *("errno", "fcntl", "fnmatch", "glob", "pwd", "shlex", "string", "syslog", "warnings"),
}
# Top-level names, without those that begin with _: these belong to the interpreter.
STANDARD = {
    "usage": FREE,
    "monitor 0": FREE,
    "monitor 10": FREE,
    "monitor 10 https": FREE | TLS,
    "monitor 10 connected": FREE,
    "stop": FREE | STOP,
}


# What a monitor loads if its answer is late, as on a busy machine; how often it is then repeated.
LATE, TRIES = "ocf_lib.health.watch", 20


def loaded(caller: Caller, words: str, folder: BareNode | None = None, **extra: str) -> set[str]:
    """The modules that a call loads and a bare interpreter does not. The call must succeed."""
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
        found.append({row.rpartition("|")[2].strip() for row in err.splitlines() if "|" in row})
    assert "ocf_lib.agent" in found[1]
    return found[1] - found[0]


def check(found: set[str], action: str, agent: str) -> None:
    own = {name.partition(".")[2] for name in found if name.startswith("ocf_lib.")}
    # agents without a log-in have no credential parameters, and do not load them
    assert own - {"declare.credentials"} == OWN[action]
    assert ("declare.credentials" in own) == ("import actions, credentials" in declaration(agent))
    roots = {name.split(".")[0] for name in found} - {"ocf_lib"}
    standard = {name for name in roots if not name.startswith("_") or name == "__future__"}
    if action == "meta-data":
        # lxml, and also any hooks that the host has in its dist-packages
        assert not standard & {"keystoneauth1", "keystoneclient", "psutil", "requests"}
        return
    assert standard - STANDARD[action] == set()


# Horizon's page must contain this; for other services only the status counts.
PAGE = b"<input name=csrfmiddlewaretoken>"


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """An API that accepts any token. seen: the paths of the requests that carried one."""

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
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that holds a key and its certificate."""
    folder = tmp_path_factory.mktemp("certificate")
    both, public = folder / "both.pem", folder / "public.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-keyout", both, "-out", public),
        ],
        check=True,
        capture_output=True,
    )
    with both.open("a") as file:
        file.write(public.read_text())
    return both


@pytest.fixture(params=["http", "https"])
def server(request: pytest.FixtureRequest, certificate: Path) -> Iterator[Server]:
    made = Server(certificate if request.param == "https" else None)
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
    "os_tenant_name": "admin",
}
# The parameters that identify a token's account; the two domains follow.
HOLDER = ("os_auth_url", "os_username", "os_tenant_name")


@pytest.mark.parametrize("action", ["meta-data", "usage"])
def test_describing(call: Caller, action: str) -> None:
    check(loaded(call, action), action, call.agent)


@pytest.mark.root
def test_monitor_of_the_processes(call: Caller, daemon: subprocess.Popen[bytes]) -> None:
    record = record_of(daemon)
    record.endpoint = Endpoint("http", "127.0.0.1", 1)
    keep(call, "record", record)
    check(loaded(call, "monitor", OCF_CHECK_LEVEL="0"), "monitor 0", call.agent)
    check(loaded(call, "status"), "monitor 0", call.agent)


@pytest.mark.root
def test_monitor_of_what_it_is_connected_to(
    call: Caller, tree: etree._Element, daemon: subprocess.Popen[bytes]
) -> None:
    if has_api(tree):
        return
    keep(call, "record", record_of(daemon))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(server.getsockname()) as ours:
            link = sockets.connection([os.getpid()], [port])
            assert link is not None
            links = f"database.link={link}\nbroker.link={link}\n"
            keep(call, "notes", f"needs=database broker\n{links}")
            for more in ({}, {"OCF_CHECK_LEVEL": "10"}):
                found = loaded(call, "monitor", OCF_RESKEY_CRM_meta_interval="20000", **more)
                check(found, "monitor 10 connected", call.agent)
            ours.close()


@pytest.mark.root
def test_monitor_of_the_api_with_a_kept_token_where_it_takes_one(
    call: Caller, tree: etree._Element, daemon: subprocess.Popen[bytes], server: Server
) -> None:
    if not has_api(tree):
        return
    scheme = "https" if isinstance(server.socket, ssl.SSLSocket) else "http"
    record = record_of(daemon)
    record.endpoint = Endpoint(scheme, "127.0.0.1", server.server_address[1])
    # start keeps the address that the parameters give, such as a console proxy's port
    port = tree.find("parameters/parameter[@name='console_port']/content")
    record.url = "" if port is None else port.get("default")
    keep(call, "record", record)
    # each dependency was well a moment ago
    good = "".join(f"{name}.good={time.monotonic():.3f}\n" for name in ("database", "identity"))
    keep(call, "notes", f"needs=database identity\n{good}")
    takes_tokens = "os_auth_url" in names(tree)
    if takes_tokens:
        call.parameters = CREDENTIALS
        facts = [*map(CREDENTIALS.__getitem__, HOLDER), "Default", "Default"]
        number = int.from_bytes(CREDENTIALS["os_password"].encode(), "big")
        holder = "|".join([*facts, f"os_password={number % 4294967291 % 65521}"])
        held = Token("gAAAA", "3", int(time.time()) + 3600, holder, "0123")
        path = token.file_of(str(state_file(call, "token").parent), holder, "token")
        Path(path).write_text(str(held))
    calls = 0
    for more in ({}, {"OCF_CHECK_LEVEL": "10"}, {"OCF_CHECK_LEVEL": "15"}):
        for _ in range(TRIES):
            calls += 1
            found = loaded(call, "monitor", OCF_RESKEY_CRM_meta_interval="20000", **more)
            if LATE not in found:
                break
        check(found, "monitor 10" + (" https" if scheme == "https" else ""), call.agent)
    assert len(server.seen) == (calls if takes_tokens else 0), "the token was presented"


@pytest.mark.root
def test_stop_of_a_stopped_one(call: Caller, node: BareNode) -> None:
    found = loaded(call, "stop", node)
    check(found, "stop", call.agent)
    assert not any("dist-packages" in name or name == "site" for name in found)


def test_the_lists_are_of_this_library() -> None:
    modules = set()
    for path in (ROOT / "ocf_lib").rglob("*.py"):
        name = ".".join(path.relative_to(ROOT / "ocf_lib").with_suffix("").parts)
        modules.add(name.removesuffix(".__init__"))
    for own in OWN.values():
        assert own <= modules
