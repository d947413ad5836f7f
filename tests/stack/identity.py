"""The stack's Keystone, and its catalog by raw REST, because a call of the client takes 3 s."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from tests import pace
from tests.bed.waiting import wait_until

if TYPE_CHECKING:
    from tests.stack.stack import Stack

IDENTITY = "http://127.0.0.1:5000"
PASSWORD = "secret"
# On a quiet machine: until Keystone gives its first token, and for one answer.
SECONDS, ANSWER_SECONDS = 60, 30
# How often a request is made that had no answer in time.
TRIES = 3
INTERFACES = ("public", "internal", "admin")
# The statuses that a load balancer answers while no Keystone runs behind it.
AWAY = (502, 503, 504)
DOMAIN = {"name": "Default"}
USER = {"name": "admin", "password": PASSWORD, "domain": DOMAIN}
# The body of the POST to /v3/auth/tokens that requests a token.
LOGIN = {
    "auth": {
        "identity": {"methods": ["password"], "password": {"user": USER}},
        "scope": {"project": {"name": "admin", "domain": DOMAIN}},
    }
}
CONFIGURATION = """
[DEFAULT]
log_file = {log}/keystone.log
[database]
connection = {database}
[token]
provider = fernet
[fernet_tokens]
key_repository = {home}/data/keys
[fernet_receipts]
key_repository = {home}/data/keys
[credential]
key_repository = {home}/data/keys
[identity]
# bcrypt's fewest rounds: a log-in is 0.3 s of CPU with the default 12
password_hash_rounds = 4
"""
# As Keystone's guide recommends for production. A log-in takes 0.10 s of CPU without the cache and
# 0.02 s with it (measured). Not for tests of Keystone without its database.
CACHE = """
[cache]
enabled = true
backend = oslo_cache.memcache_pool
memcache_servers = {memcached}
"""


class Identity:
    """Keystone with user admin (PASSWORD) in project admin, and services' users on demand."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.session = requests.Session()
        self._lock = threading.RLock()
        self._users: set[str] = set()
        self._services: set[str] = set()
        self._ids: dict[tuple[str, str], str] = {}

    def start(self) -> None:
        ini = self.prepare()
        words = (uwsgi_program(), "--ini", str(ini))
        self.wait(self.stack.run("keystone", "keystone", *words))

    def prepare(self) -> Path:
        """Make configuration, keys and database; return the uwsgi file, for port 5000."""
        stack = self.stack
        home = stack.home("keystone")
        self._make_keys(home / "data/keys")
        text = CONFIGURATION.format(log=stack.log, home=home, database=stack.database("keystone"))
        if stack.is_identity_cached:
            text += CACHE.format(memcached=stack.memcached)
        config = stack.write("keystone", "keystone.conf", text)
        manage = ["keystone-manage", f"--config-file={config}"]
        urls = [f"--bootstrap-{which}-url={stack.identity}/v3" for which in INTERFACES]
        region = "--bootstrap-region-id=RegionOne"
        bootstrap = ["bootstrap", f"--bootstrap-password={PASSWORD}", *urls, region]
        commands = [*manage, "db_sync"], [*manage, *bootstrap]
        stack.manage_all("keystone", "keystone.cmd.manage", *commands)
        return self.ini("keystone", 5000)

    def wait(self, process: subprocess.Popen[str] | None = None) -> None:
        """Wait until Keystone answers, and log in. If its process ends instead, fail at once."""

        def is_done() -> bool:
            code = process.poll() if process else None
            assert code is None, f"Keystone ended with {code}"
            return self._log_in()

        wait_until(is_done, SECONDS, "Keystone gives a token", 0.1)

    def ini(self, name: str, port: int) -> Path:
        """Write a uwsgi file for a Keystone on this port. Any number can share the database."""
        where = f"env = OS_KEYSTONE_CONFIG_DIR={self.stack.folder}/keystone"
        script = "/usr/bin/keystone-wsgi-public"
        return self.stack.uwsgi("keystone", name, port, script, where, workers=self.stack.workers)

    @staticmethod
    def _make_keys(folder: Path) -> None:
        """Make Fernet keys like keystone-manage's, but without its 3 s for each call."""
        folder.mkdir()
        for name in ("0", "1"):
            (folder / name).write_bytes(base64.urlsafe_b64encode(os.urandom(32)))
        for path in (folder, *folder.iterdir()):
            path.chmod(0o700 if path.is_dir() else 0o600)
            shutil.chown(path, "keystone", "keystone")

    def _log_in(self) -> bool:
        try:
            answer = self._send("POST", "/auth/tokens", json=LOGIN)
        except (requests.ConnectionError, requests.Timeout):
            return False
        if answer.status_code in AWAY:
            return False
        self._check(answer)
        self.session.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
        return True

    # Raw REST, below /v3, as admin.

    def get(self, path: str, **query: str) -> dict[str, Any]:
        found: dict[str, Any] = self._ask("GET", path, params=query).json()
        return found

    def make(self, kind: str, facts: dict[str, Any], **known_by: str) -> str:
        """Make a user, service, ...; return its ID.

        known_by: the query that finds it: a request that had no answer in time may have made it.
        """
        for attempt in range(TRIES):
            try:
                answer = self._send("POST", f"/{kind}s", json={kind: facts})
                self._check(answer)
                return str(answer.json()[kind]["id"])
            except requests.Timeout:
                if attempt == TRIES - 1:
                    raise
            if found := self.get(f"/{kind}s", **known_by)[f"{kind}s"]:
                return str(found[0]["id"])
        raise AssertionError("not reached")

    def make_endpoint(self, service: str, which: str, url: str, region: str = "RegionOne") -> None:
        known = {"service_id": service, "interface": which, "region_id": region}
        self.make("endpoint", {**known, "url": url}, **known)

    def put(self, path: str, body: dict[str, Any] | None = None) -> None:
        self._ask("PUT", path, json=body)

    def _ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """Send a request that may be repeated if it has no answer in time."""
        for _ in range(TRIES - 1):
            with suppress(requests.Timeout):
                answer = self._send(method, path, **more)
                break
        else:
            answer = self._send(method, path, **more)
        self._check(answer)
        return answer

    def _send(self, method: str, path: str, **more: Any) -> requests.Response:
        with self._lock:
            url, limit = f"{self.stack.identity}/v3{path}", pace.seconds(ANSWER_SECONDS)
            return self.stack.inside(self.session.request, method, url, timeout=limit, **more)

    @staticmethod
    def _check(answer: requests.Response) -> None:
        asked = f"{answer.request.method} {answer.request.path_url}"
        assert answer.ok, f"{asked}: {answer.status_code} {answer.text[:500]}"

    # What the projects need.

    def user(self, name: str) -> None:
        """Make a user in project service with roles admin and service, unless it exists."""
        with self._lock:
            if name in self._users:
                return
            facts = {"name": name, "password": PASSWORD, "domain_id": "default"}
            number = self.make("user", facts, name=name)
            project = self._number("project", "service", domain_id="default")
            for name_ in ("admin", "service"):
                role = self._number("role", name_)
                self.put(f"/projects/{project}/users/{number}/roles/{role}")
            self._users.add(name)

    def endpoint(self, name: str, kind: str, url: str) -> None:
        """Enter a service of this type in the catalog, in RegionOne, unless it is there."""
        with self._lock:
            if name in self._services:
                return
            number = self.make("service", {"name": name, "type": kind}, name=name)
            for interface in INTERFACES:
                self.make_endpoint(number, interface, url)
            self._services.add(name)

    def _number(self, kind: str, name: str, **facts: str) -> str:
        """The ID of the project or role with this name, which is made if it is missing."""
        if (kind, name) not in self._ids:
            known = self.get(f"/{kind}s", name=name)[f"{kind}s"]
            made = known[0]["id"] if known else self.make(kind, {"name": name, **facts}, name=name)
            self._ids[kind, name] = made
        return self._ids[kind, name]


def uwsgi_program() -> str:
    """The uwsgi that runs Python 3. Debian puts Python's version into its name."""
    return str(sorted(Path("/usr/bin").glob("uwsgi_python3*"))[-1])
