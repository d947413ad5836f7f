"""Fakes for the outside world: processes, servers, environments. Never for our own modules."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir

from ocf_lib.actions import overdue
from ocf_lib.declare import credentials, standard
from ocf_lib.declare.parameters import Parameters
from ocf_lib.declare.service import Action, Api, Program, Service, Uwsgi
from ocf_lib.environment import Environment
from ocf_lib.instance import Instance
from ocf_lib.keystone import token
from ocf_lib.net.patience import Patience
from ocf_lib.processes.process import Stat, stat
from tests import pace

# hypothesis would otherwise write its Unicode tables into the checkout
set_hypothesis_home_dir(os.path.join(tempfile.gettempdir(), f"hypothesis-{os.getuid()}"))
settings.register_profile(
    "here",
    deadline=None,  # a busy machine with two cores makes a limit meaningless
    max_examples=60,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("here")

# A limit that suffices on a quiet machine; a wait multiplies it by the machine's lateness.
SECONDS = 15.0
# an interpreter that every user may run
PYTHON = "/usr/bin/python3"
INI = "[uwsgi]\nmodule = x\n"
VARIABLES = {"CONFIG_DIR": "{config_folder}", "CONFIG_FILES": "{config}"}
RUNTIME = ("/run", "/run/lock", "/var/cache")


def eventually(question: Callable[[], object], seconds: float = SECONDS) -> object:
    """Returns the first true answer; fails if there is none within `seconds`, which grow with the
    machine's lateness."""
    limit = pace.Limit(seconds)
    while True:
        answer = question()
        if answer:
            return answer
        assert not limit.is_over(), f"still false after {limit}"
        time.sleep(0.01)


@pytest.fixture(scope="session", autouse=True)
def runtime_folders() -> Iterator[None]:
    """A launch creates these, as the package's systemd unit would; removed when the tests end."""
    yield
    for parent in RUNTIME:
        with contextlib.suppress(OSError):
            os.rmdir(f"{parent}/demo-of-ocf-lib")


@pytest.fixture(autouse=True)
def no_end_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A monitor that is overdue ends its process, which is that of the tests here."""
    monkeypatch.setattr(overdue, "arm", lambda environment, pid: None)


def demo(**changes: object) -> Service:
    """A service as an agent declares it, but one that no distribution has."""
    facts: dict[str, object] = {
        "name": "demo",
        "title": "Demo",
        "longdesc": "A demo.",
        "project": "demo-of-ocf-lib",
        "programs": (Program("demo-daemon"),),
        "parameters": (
            *standard.daemon("demo-of-ocf-lib", "/etc/demo-of-ocf-lib/demo.conf", user="root"),
            *standard.api("http://127.0.0.1:9999"),
            *credentials.credentials(),
        ),
        "actions": (Action("start", 20), Action("stop", 20), Action("monitor", 20, 10, 0)),
        "api": Api(
            port=9999, path="/", authenticated={"3": "/v3/x", "2.0": "/v2.0/x"}, service_type="demo"
        ),
    }
    return Service(**{**facts, **changes})  # type: ignore[arg-type]


@pytest.fixture
def instance_of(tmp_path: Path) -> Callable[..., Instance]:
    """Makes an instance from the given parameters, with its state below tmp_path."""

    def make(
        service: Service | None = None,
        action: str = "start",
        name: str = "p_demo",
        **parameters: object,
    ) -> Instance:
        environ = {"HA_RSCTMP": str(tmp_path / "rsctmp"), "OCF_RESOURCE_INSTANCE": name}
        environ |= {f"OCF_RESKEY_{key}": str(value) for key, value in parameters.items()}
        return Instance(service or demo(), Environment([action], environ))

    return make


def facts(instance: Instance) -> tuple[Service, Parameters]:
    """The two facts about an instance that most of the library takes."""
    return instance.service, instance.parameters


def account_of(instance: Instance) -> str | None:
    """The account with which its monitor logs in."""
    return token.account(instance.parameters, instance.service.needs_project)


def patience_of(instance: Instance) -> Patience:
    """The time limits for its requests."""
    return Patience(instance.environment.deadline, instance.parameters.get("api_timeout"))


class Host:
    """The files of a host, below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def program(self, name: str) -> str:
        path = self.folder / name
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
        return str(path)

    def file(self, name: str, text: str = "[DEFAULT]\n") -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    def service(self) -> Service:
        """A service like keystone, whose packaged files may or may not be there."""
        return demo(
            project=f"..{self.folder}/etc",
            programs=(
                Uwsgi(str(self.folder / "packaged.ini"), port=5000, environment=VARIABLES),
                Program("demo-all"),
                Program("demo-wsgi-public", ("--port=5000",), VARIABLES),
            ),
        )


@pytest.fixture
def host(tmp_path: Path) -> Host:
    folder = tmp_path / "host"
    folder.mkdir()
    return Host(folder)


@pytest.fixture
def name() -> str:
    """An instance name that only this test uses."""
    return f"demo/{uuid.uuid4().hex}"


@pytest.fixture
def unique() -> str:
    """A word that makes a command line unique on this host."""
    return f"--config-file=/nonexistent/{uuid.uuid4().hex}"


class Processes:
    """Starts programs and ends everything that came from them: the whole session of each, and the
    processes named to `tell`."""

    def __init__(self) -> None:
        self.started: list[subprocess.Popen[bytes]] = []
        self.known: list[Stat] = []

    def run(
        self, *words: object, lines: int = 0, **more: object
    ) -> tuple[subprocess.Popen[bytes], list[int]]:
        """Returns the process, and the PIDs that it printed on its first `lines` lines."""
        process = subprocess.Popen(
            [str(word) for word in words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
            **more,  # type: ignore[call-overload]
        )
        self.started.append(process)
        numbers = [int(read_line(process)) for _ in range(lines)]
        return process, numbers

    def tell(self, pids: list[int]) -> None:
        """Also end these: they have left the session of the program that started them."""
        for pid in pids:
            found = stat(pid)
            if pid > 1 and found is not None:
                self.known.append(found)

    def python(
        self, code: str, *words: object, lines: int = 1, **more: object
    ) -> tuple[subprocess.Popen[bytes], list[int]]:
        return self.run(PYTHON, "-I", "-S", "-c", code, *words, lines=lines, **more)

    def end(self) -> None:
        for process in self.started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for known in self.known:
            found = stat(known.pid)
            if found is not None and found.start == known.start:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(known.pid, signal.SIGKILL)
        for process in self.started:
            process.wait(pace.seconds(SECONDS))
            if process.stdout is not None:
                process.stdout.close()


def read_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    line = b""
    while not line.endswith(b"\n"):
        assert select.select([process.stdout], [], [], pace.seconds(SECONDS))[0], (
            "it printed nothing"
        )
        part = os.read(process.stdout.fileno(), 1)
        assert part, f"it ended with {process.wait(pace.seconds(SECONDS))}"
        line += part
    return line


@pytest.fixture
def processes() -> Iterator[Processes]:
    made = Processes()
    yield made
    made.end()


class Server:
    """A TCP server that runs `answer` on each connection, in a thread of its own.

    gone: set at the end of the test, for answers that wait for it.
    """

    def __init__(
        self, answer: Callable[[socket.socket], None], address: str, family: socket.AddressFamily
    ) -> None:
        self.answer, self.gone = answer, threading.Event()
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.bind((address, 0))
        self.socket.listen(16)
        self.port: int = self.socket.getsockname()[1]
        self.threads: list[threading.Thread] = []
        self.failures: list[BaseException] = []
        self.accepting = threading.Thread(target=self._accept)
        self.accepting.start()

    def _accept(self) -> None:
        while not self.gone.is_set():
            if not select.select([self.socket], [], [], 0.02)[0]:
                continue
            connection = self.socket.accept()[0]
            thread = threading.Thread(target=self._serve, args=(connection,))
            thread.start()
            self.threads.append(thread)

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(pace.seconds(SECONDS))
            try:
                self.answer(connection)
            except (ConnectionError, TimeoutError):
                pass  # the client has left
            except BaseException as error:  # noqa: BLE001 - reported when the test ends
                self.failures.append(error)

    def close(self) -> None:
        self.gone.set()
        self.accepting.join(pace.seconds(SECONDS))
        for thread in self.threads:
            thread.join(pace.seconds(SECONDS))
        self.socket.close()
        assert self.failures == []


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts servers; a function of the connection decides how each one answers."""
    made: list[Server] = []

    def start(
        answer: Callable[..., None], address: str = "127.0.0.1", family: int = socket.AF_INET
    ) -> Server:
        server = Server(answer, address, socket.AddressFamily(family))
        made.append(server)
        return server

    yield start
    for server in made:
        server.close()
