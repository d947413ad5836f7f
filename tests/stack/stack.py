"""MariaDB, RabbitMQ, memcached and Keystone on their usual ports in their own network namespace,
and the values for the configuration of the projects beside them."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from tests.calling import PATH, Caller
from tests.stack import servers
from tests.stack.identity import IDENTITY, PASSWORD, Identity
from tests.stack.namespace import Namespace

T = TypeVar("T")

# Runs several management commands after one import: each command is 3 s of imports and 1 s of work.
SEVERAL = """
import importlib, os, shlex, sys
module = importlib.import_module(sys.argv[1])
for line in sys.argv[2:]:
    pid = os.fork()
    if not pid:
        sys.argv = shlex.split(line)
        sys.exit(module.main())
    if os.waitpid(pid, 0)[1]:
        sys.exit(f"failed: {line}")
"""
# The parameters for an agent with an API, as in the paper.
CREDENTIALS = {
    "os_auth_url": f"{IDENTITY}/v2.0/",
    "os_username": "admin",
    "os_password": PASSWORD,
    "os_tenant_name": "admin",
}
# Arguments that override a packaged uwsgi file, which has 8 or 16 workers and logs to /var/log.
FEW = "--processes 1 --threads 1 --logto {{folder}}/log/{name}.packaged.log"


class Stack:
    """The shared servers, which `up` starts; everything else is made on demand.

    folder: has all files of all daemons. prefix: the command prefix that runs a command in the
    namespace.
    """

    # the address of the shared servers, and the one on which the projects' daemons listen
    host = listen = "127.0.0.1"
    identity = IDENTITY
    # OpenStack's name for a daemon's host, and the common name of all hosts on which a service runs
    # in turn
    name = shared_name = "stack"
    # the hosts on which Swift stores its objects, one copy on each
    storage: tuple[str, ...] = ("127.0.0.1",)
    # the number of workers of each daemon that can have several
    workers = 2
    # whether Keystone caches in memcached what it has read from its database
    is_identity_cached = False

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ocf-stack-", dir="/tmp"))
        self.folder.chmod(0o711)
        self.log = self.folder / "log"
        self.log.mkdir()
        self.log.chmod(0o1777)
        self.prefix: tuple[str, ...] = ()
        self._children: list[subprocess.Popen[str]] = []
        self._namespace = Namespace(self.folder)
        self._lock = threading.RLock()
        self._databases: set[str] = set()
        self._prepared: dict[Callable[[Stack], None], Future[None]] = {}
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="prepare")
        self.catalog = Identity(self)
        # daemons that run for others, by agent (daemons.py)
        self.kept: dict[str, Caller] = {}
        self.keeping = threading.RLock()

    @property
    def transport_url(self) -> str:
        return f"rabbit://guest:guest@{self.host}:5672/"

    @property
    def memcached(self) -> str:
        return f"{self.host}:11211"

    def address(self, port: int) -> str:
        """The address at which clients reach the API with this port."""
        return "127.0.0.1"

    def url(self, port: int) -> str:
        """The URL of the API with this port, without a path."""
        return f"http://{self.address(port)}:{port}"

    # The stack itself.

    def up(self) -> None:
        """Make the namespace, start the servers and wait until all answer."""
        self._namespace.make()
        self.prefix = self._namespace.prefix
        rabbitmq = self._ahead.submit(servers.start_rabbitmq, self)
        servers.start_memcached(self)
        servers.start_mariadb(self)
        self.catalog.start()
        rabbitmq.result()

    def down(self) -> None:
        """End every process in the namespace, and remove the folder."""
        self._ahead.shutdown(wait=False, cancel_futures=True)
        try:
            self._namespace.end()
        finally:
            # only now: a preparation that still runs has lost its database, so it ends
            self._ahead.shutdown()
            self.catalog.session.close()
            for child in self._children:
                child.wait(10)

    def inside(self, function: Callable[..., T], *args: Any, **more: Any) -> T:
        """Call a function in a thread in the namespace, so that its sockets are made there."""
        return self._namespace.inside(function, *args, **more)

    def threads(self, number: int) -> ThreadPoolExecutor:
        """A pool of `number` threads in the namespace."""
        return self._namespace.threads(number)

    def is_open(self, port: int) -> bool:
        """Whether something listens on this port in the namespace."""
        return self.inside(servers.is_open, self.host, port)

    def run(
        self, name: str, user: str, *words: str, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a process of `user` in the namespace, in its own session.

        Its output goes to log/NAME.out.
        """
        with Path(self.log, f"{name}.out").open("a") as output:
            child = subprocess.Popen(
                [*self._become(user), *words],
                env={"PATH": PATH, "HOME": str(self.folder), **(env or {})},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                text=True,
                start_new_session=True,
            )
        self._children.append(child)
        return child

    def _become(self, user: str) -> list[str]:
        account = pwd.getpwnam(user)
        ids = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--init-groups"]
        return [*self.prefix, "setpriv", *ids, "--"]

    # For the preparations of the projects.

    def home(self, project: str) -> Path:
        """Make folder/PROJECT, with data/ and lock/ that the project's user owns."""
        home = self.folder / project
        account = pwd.getpwnam(project)
        home.mkdir(exist_ok=True)
        for name in ("data", "lock"):
            if not (home / name).exists():
                (home / name).mkdir()
                shutil.chown(home / name, account.pw_uid, account.pw_gid)
        return home

    def write(self, project: str, name: str, text: str) -> Path:
        """Write a file in the project's folder that every user can read; return its path."""
        path = self.home(project) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o644)
        return path

    def database(self, name: str) -> str:
        """The URL of the database, which the first call makes; its user has the same name."""
        with self._lock:
            if name not in self._databases:
                servers.make_database(self, name, PASSWORD)
                self._databases.add(name)
        return f"mysql+pymysql://{name}:{PASSWORD}@{self.host}:3306/{name}?charset=utf8"

    def credentials(self, user: str) -> str:
        """The configuration lines with which a service logs in as `user`.

        The first call makes the user, in project service with roles admin and service.
        """
        self.catalog.user(user)
        lines = {
            "auth_type": "password",
            "auth_url": self.identity,
            "username": user,
            "password": PASSWORD,
            "project_name": "service",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
            "region_name": "RegionOne",
        }
        return "".join(f"{name} = {value}\n" for name, value in lines.items())

    def authtoken(self, user: str) -> str:
        """A section [keystone_authtoken] for `user`."""
        given = self.credentials(user)
        return f"[keystone_authtoken]\nwww_authenticate_uri = {self.identity}\n{given}"

    def endpoint(self, name: str, kind: str, url: str) -> None:
        """Enter a service of type `kind` in the catalog, with all three interfaces."""
        self.catalog.endpoint(name, kind, url)

    def uwsgi(
        self, project: str, name: str, port: int, script: str, *more: str, workers: int = 1
    ) -> Path:
        """Write NAME.ini for a WSGI application under uwsgi. more: further lines.

        Each worker loads the application itself, in 2 to 8 s of CPU.
        """
        home = self.home(project)
        lines = {
            "http-socket": f"{self.listen}:{port}",
            "master": "true",
            "plugins": "python3",
            "lazy-apps": "true",
            "no-orphans": "true",
            "die-on-term": "true",
            "enable-threads": "true",
            "buffer-size": "65535",
            "processes": str(workers),
            "threads": "1",
            "add-header": "Connection: close",
            "chdir": f"{home}/data",
            "logto": f"{self.log}/{name}.uwsgi.log",
            "wsgi-file": script,
        }
        text = "".join(f"{key} = {value}\n" for key, value in lines.items())
        return self.write(project, f"{name}.ini", "[uwsgi]\n" + text + "\n".join(more) + "\n")

    def manage(self, user: str, *words: str) -> str:
        """Run a command as `user` in the namespace; it must succeed. Returns what it printed."""
        done = subprocess.run(
            [*self._become(user), *words],
            env={"PATH": PATH, "HOME": str(self.home(user) / "data")},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout[-2000:]}"
        return done.stdout

    def manage_all(self, user: str, module: str, *commands: list[str]) -> None:
        """Run several commands of one management program, whose module is loaded only once."""
        self.manage(user, "/usr/bin/python3", "-c", SEVERAL, module, *map(shlex.join, commands))

    def prepare(self, needs: Callable[[Stack], None]) -> None:
        """Begin a project's preparation in the background, unless it has begun already."""
        with self._lock:
            if needs not in self._prepared:
                self._prepared[needs] = self._ahead.submit(needs, self)

    def need(self, needs: Callable[[Stack], None]) -> None:
        """Do the preparation, or wait until it is done. Raises what it raised."""
        with self._lock:
            known = self._prepared.get(needs)
            # a preparation that is only queued is done here, without waiting for a free thread
            is_ours = known is None or known.cancel()
            if is_ours:
                known = self._prepared[needs] = Future()
                known.set_running_or_notify_cancel()
        assert known is not None
        if is_ours:
            try:
                needs(self)
                known.set_result(None)
            except BaseException as error:
                known.set_exception(error)
                raise
        known.result()

    # For the tests.

    def caller(self, agent: str, **parameters: object) -> Caller:
        """The Caller of the agent in the namespace; state and output are in the stack's folder."""
        given = {"log_file": self.log / f"{agent}.out", **parameters}
        # The PID keeps these instances apart from another stack's on this machine.
        caller = Caller(agent, self.folder, f"p_{agent}_{os.getpid()}", **given)
        caller.prefix = self.prefix
        return caller
