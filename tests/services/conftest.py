"""Services other than Identity, each with its real daemon, beside one real Keystone for them all.

They log in to it as its admin, and keep their data in SQLite files in WAL mode.
"""

from __future__ import annotations

import pwd
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.bed.keystone import PASSWORD, Keystone
from tests.calling import PATH, Caller
from tests.keystone.conftest import free_port, parameters

AUTHTOKEN = """
[keystone_authtoken]
auth_type = password
auth_url = {url}
www_authenticate_uri = {url}
username = admin
password = {password}
project_name = admin
user_domain_name = Default
project_domain_name = Default
"""


class Site:
    """A folder of one service's own, which its user can reach.

    user: the service's. port: a free one. identity: URL of the Keystone.
    """

    def __init__(self, user: str, identity: str) -> None:
        self.user, self.identity, self.port = user, identity, free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"ocf-{user}-"))
        self.folder.chmod(0o711)
        self.data = self.folder / "data"
        self.data.mkdir()
        self.own(self.data)

    def own(self, path: Path) -> None:
        account = pwd.getpwnam(self.user)
        shutil.chown(path, account.pw_uid, account.pw_gid)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    @property
    def authtoken(self) -> str:
        return AUTHTOKEN.format(url=self.identity, password=PASSWORD)

    @property
    def database(self) -> str:
        return f"sqlite:///{self.data}/service.sqlite"

    def manage(self, *words: str) -> None:
        """Run the service's own command that makes its tables, as its user."""
        done = subprocess.run(
            words,
            user=self.user,
            cwd="/",
            env={"PATH": PATH, "HOME": str(self.data)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:]
        with sqlite3.connect(self.data / "service.sqlite") as database:
            database.execute("pragma journal_mode=wal")
        database.close()
        for path in self.data.iterdir():
            self.own(path)

    def caller(self, agent: str, **more: object) -> Caller:
        """The agent for this site, with credentials as the paper has them."""
        given = {
            "os_auth_url": f"{self.identity}/v2.0/",
            "os_username": "admin",
            "os_password": PASSWORD,
            "os_tenant_name": "admin",
            "log_file": self.data / "output.log",
            **more,
        }
        return Caller(agent, self.folder, f"p_{agent}_{self.port}", **given)


def register(url: str) -> None:
    """Put the other services into the catalog; nobody follows these endpoints."""
    domain = {"name": "Default"}
    user = {"name": "admin", "password": PASSWORD, "domain": domain}
    login = {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"project": {"name": "admin", "domain": domain}},
    }
    answer = requests.post(f"{url}/auth/tokens", json={"auth": login}, timeout=30)
    admin = {"X-Auth-Token": answer.headers["X-Subject-Token"]}

    def create(kind: str, **facts: str) -> str:
        made = requests.post(f"{url}/{kind}s", json={kind: facts}, headers=admin, timeout=30)
        made.raise_for_status()
        number: str = made.json()[kind]["id"]
        return number

    for name in ("image", "placement"):
        service = create("service", type=name, name=name)
        facts = {"interface": "public", "region": "RegionOne", "url": "http://127.0.0.1:1/"}
        create("endpoint", service_id=service, **facts)


@pytest.fixture(scope="session")
def identity() -> Iterator[Caller]:
    """A running Keystone; its URL without a version is `identity.url`."""
    folder = Path(tempfile.mkdtemp(prefix="ocf-keystone-"))
    folder.chmod(0o711)
    port = free_port()
    keystone = Keystone.alone(folder, port)
    keystone.make()
    caller = Caller("keystone", folder, f"p_identity_{port}", **parameters(keystone, port))
    started = caller("start", timeout=60)
    assert started.code == 0, started
    register(caller.parameters["os_auth_url"].replace("/v2.0/", "/v3"))
    yield caller
    assert caller("stop", timeout=60).code == 0
    shutil.rmtree(folder)


@pytest.fixture
def site(identity: Caller) -> Iterator[Callable[[str], Site]]:
    """Makes a Site for a user; removes it at the end."""
    made: list[Site] = []

    def make(user: str) -> Site:
        made.append(Site(user, identity.parameters["os_auth_url"].replace("/v2.0/", "")))
        return made[-1]

    yield make
    for one in made:
        shutil.rmtree(one.folder)


@pytest.fixture
def stopping() -> Iterator[Callable[[Caller], Caller]]:
    """Hands back a Caller, and stops what it started at the end."""
    callers: list[Caller] = []

    def remember(caller: Caller) -> Caller:
        callers.append(caller)
        return caller

    yield remember
    for caller in callers:
        stopped = caller("stop", timeout=60)
        assert stopped.code == 0, stopped
