"""The dependencies of each real daemon, as found in its own configuration, and the connections that
three daemons hold to theirs."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ocf_lib import agent
from ocf_lib.declare.service import Service
from ocf_lib.dependencies import database, full_check, needs
from ocf_lib.environment import Environment
from ocf_lib.instance import Instance
from ocf_lib.net.links import Link
from ocf_lib.state.notes import Notes
from tests.bed.waiting import wait_until
from tests.calling import AGENTS, Caller, is_late
from tests.stack import daemons, legacy, servers
from tests.stack.identity import PASSWORD
from tests.stack.real import Real
from tests.stack.stack import Stack
from tests.stack.test_life import SETTLE, Family, Ready

pytestmark = [pytest.mark.root, pytest.mark.stack]

DATABASE, BROKER = "database 127.0.0.1:3306", "broker 127.0.0.1:5672"
IDENTITY = "Identity http://127.0.0.1:5000"
SERVICE, WORKER, API = [DATABASE, BROKER], [BROKER], [DATABASE, BROKER, IDENTITY]
# The dependencies in a daemon's configuration, by the daemon's name or else by its project's.
NEEDS = {
    "keystone": [DATABASE],
    "glance-api": [DATABASE, IDENTITY],
    "glance-registry": [DATABASE, IDENTITY],
    "placement-api": [DATABASE, IDENTITY],
    "swift": [],
    "swift-proxy": [IDENTITY],
    "cinder": SERVICE,
    "cinder-api": API,
    "nova": SERVICE,
    "nova-api": API,
    "nova-api-metadata": [DATABASE],
    # it reaches the database through nova-conductor
    "nova-compute": WORKER,
    "nova-novncproxy": [],
    "nova-serialproxy": [],
    "nova-spicehtml5proxy": [],
    "nova-objectstore": [],
    "heat-api": [BROKER, IDENTITY],
    "heat-api-cfn": WORKER,
    "heat-engine": SERVICE,
    "manila": SERVICE,
    "manila-api": API,
    "neutron": WORKER,
    "neutron-api": API,
    "neutron-server": API,
    "neutron-rpc-server": SERVICE,
    "quantum": WORKER,
    "quantum-server": API,
    "ceilometer": WORKER,
    "aodh-evaluator": [DATABASE],
    "horizon": [],
}
# These take their work from the broker, and are always connected to it.
HELD = {
    *("cinder-backup", "cinder-scheduler", "cinder-volume", "heat-engine", "manila-scheduler"),
    *("manila-share", "nova-cert", "nova-compute", "nova-conductor", "nova-consoleauth"),
    *("nova-network", "nova-scheduler", "nova-volume", "neutron-agent-dhcp", "neutron-agent-l3"),
    *("neutron-metadata-agent", "neutron-openvswitch-agent", "neutron-rpc-server"),
    *("quantum-agent-dhcp", "quantum-agent-l3", "quantum-metadata-agent"),
}
PORTS = {"database": 3306, "broker": 5672}
CONNECTED = {"nova-conductor": PORTS, "neutron-server": PORTS, "keystone": {"database": 3306}}


def wanted(real: Real) -> list[str]:
    return NEEDS[real.agent if real.agent in NEEDS else real.agent.partition("-")[0]]


@pytest.fixture
def declaration(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Service]:
    """A function that returns the Service that an agent file passes to `agent.run`."""

    def read(name: str) -> Service:
        handed: list[Service] = []
        with monkeypatch.context() as patch:
            patch.setattr(agent, "run", handed.append)
            patch.setattr(sys, "path", [*sys.path])
            runpy.run_path(str(AGENTS / name))
        return handed[0]

    return read


@pytest.mark.parametrize("real", [*daemons.ALL, *legacy.DAEMONS], ids=lambda real: real.name)
def test_what_a_daemon_depends_on(
    real: Real, stack: Stack, declaration: Callable[[str], Service]
) -> None:
    """The daemon does not run: its files are enough."""
    stack.need(real.needs)
    environ = real.caller(stack).environment()
    instance = Instance(declaration(real.agent), Environment(["monitor"], environ))
    found = needs.of(instance.service, instance.parameters)
    assert [str(need) for need in found] == wanted(real)
    assert {need.name for need in found if need.is_held} == (
        {"broker"} if real.agent in HELD else set()
    )
    # no secret is noted or shown
    shown = "".join(f"{need}{need.places}{need.name}{need.title}" for need in found)
    assert PASSWORD not in shown
    assert "guest" not in shown


def held(stack: Stack, port: int) -> set[tuple[int, int, int]]:
    """PID, descriptor and inode of each established connection to this port, by ss."""
    words = [*stack.prefix, "ss", "-Htnpe", "state", "established", f"( dport = :{port} )"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found = set()
    for line in done.stdout.splitlines():
        inode = re.search(r"\bino:(\d+)", line)
        for pid, descriptor in re.findall(r"pid=(\d+),fd=(\d+)", line):
            assert inode is not None, line
            found.add((int(pid), int(descriptor), int(inode[1])))
    return found


@pytest.mark.parametrize(
    "real",
    [next(real for real in daemons.ALL if real.name == name) for name in CONNECTED],
    ids=lambda real: real.name,
)
def test_a_connection_that_it_holds_is_noted(real: Real, stack: Stack, running: Ready) -> None:
    caller = running(real)
    started = caller("start", timeout=real.patience)
    assert started.code == 0, started
    family = Family(caller, real)
    path = caller.rsctmp / "openstack" / f"{real.agent}@{caller.instance}.notes"

    def is_connected() -> bool:
        # an API connects at its first request, here when its monitor asks for a token
        judged = caller.monitor()
        if is_late(judged):
            return False
        assert judged.code == 0, judged
        return all(map(family.total, CONNECTED[real.name].values()))

    wait_until(is_connected, SETTLE, f"connections to {CONNECTED[real.name]}")
    path.unlink()  # otherwise a check from before the connection stays valid for a while
    first = monitored(caller, path)
    for name, port in CONNECTED[real.name].items():
        link = Link.parse(first[f"{name}.link"])
        assert link is not None, first.facts
        assert (link.pid, link.descriptor, link.inode) in held(stack, port)
        assert link.pid in {process.pid for process in family.everyone}
        assert int(link.remote.rpartition(":")[2], 16) == port
        assert stack.inside(link.is_held)
        assert not link.is_held(), "in our own network it is not known"
    assert first["needs"].split() == [need.split()[0].lower() for need in wanted(real)]
    text = path.read_text()
    assert PASSWORD not in text
    again = monitored(caller, path)
    for name in CONNECTED[real.name]:
        assert again[f"{name}.link"] == first[f"{name}.link"]
    assert caller("stop", timeout=daemons.patience()).code == 0
    assert not path.exists()


def monitored(caller: Caller, path: Path) -> Notes:
    """The notes after one more monitor, which must find all well."""
    judged = caller.monitor()
    assert judged.code == 0, judged
    return Notes(str(path))


# -- the real servers ------------------------------------------------------------------------------


def asked(stack: Stack, account: str, password: str) -> str:
    """What is wrong with MariaDB for this account; empty if nothing is."""
    known = database.Database("mysql", "127.0.0.1", 3306, account, password)
    said = stack.inside(database.check, known, "127.0.0.1", 3306, 10.0)
    assert isinstance(said, str)
    assert password not in said
    return said


def sql(stack: Stack, statements: str) -> str:
    done = servers._ask(stack.folder / "mariadb", statements)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_mariadb_is_logged_in_to(stack: Stack) -> None:
    stack.database("look")
    refused = "show global status like 'Aborted_connects'"
    before = sql(stack, refused)
    for _ in range(3):
        assert asked(stack, "look", PASSWORD) == ""
    assert sql(stack, refused) == before, "who leaves without a log-in is counted"


def test_mariadb_that_knows_us_and_does_not_let_us_in_lives(stack: Stack) -> None:
    stack.database("look")
    assert asked(stack, "look", "not-the-password") == ""
    assert asked(stack, "nobody-of-this-name", PASSWORD) == ""


def test_mariadb_that_takes_no_more_connections(stack: Stack) -> None:
    """The limit is this account's, because all daemons here share the server's limit."""
    who = "'few'@'127.0.0.1'"
    limit = "with max_user_connections 1"
    sql(stack, f"create or replace user {who} identified by '{PASSWORD}' {limit}")
    pymysql = pytest.importorskip("pymysql")

    def crowded() -> str:
        account = {"user": "few", "password": PASSWORD}
        with pymysql.connect(host="127.0.0.1", port=3306, **account):
            return asked_here("few")

    def asked_here(account: str) -> str:
        known = database.Database("mysql", "127.0.0.1", 3306, account, PASSWORD)
        return database.check(known, "127.0.0.1", 3306, 10.0)

    said = stack.inside(crowded)
    assert said.startswith("answered error 1226 (User 'few' has exceeded "), said
    assert stack.inside(asked_here, "few") == ""


def test_rabbitmq_answers_who_speaks_first(stack: Stack) -> None:
    need = needs.Need("broker", "broker", [("127.0.0.1", 5672)], is_held=True)
    (found,) = stack.inside(full_check.check, [need], 10.0, None, True)
    assert (found.trouble, found.answered) == ("", ("127.0.0.1", 5672))
