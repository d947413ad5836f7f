"""The life of every real daemon: not running, start, monitor, a second start, stop."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.bed.waiting import wait_until
from tests.calling import AGENTS, Caller
from tests.stack import daemons, report, sockets
from tests.stack.real import Real
from tests.stack.stack import Stack
from tests.stack.trials import Trials

pytestmark = [pytest.mark.root, pytest.mark.stack]

AMQP, SQL = 5672, 3306
SETTLE = 30.0
PROJECTS = {
    "aodh",
    "ceilometer",
    "cinder",
    "glance",
    "heat",
    "keystone",
    "manila",
    "neutron",
    "nova",
    "placement",
    "swift",
}

each_daemon = pytest.mark.parametrize("real", daemons.ALL, ids=lambda real: real.name)
Ready = Callable[[Real], Caller]


class Family:
    """A running daemon. leader: its parent process. all: its processes without helpers."""

    def __init__(self, caller: Caller, real: Real) -> None:
        self.pid = int((caller.rsctmp / f"{caller.instance}.pid").read_text())
        self.leader = psutil.Process(self.pid)
        self.real = real

    @property
    def everyone(self) -> list[psutil.Process]:
        return [self.leader, *self.leader.children(recursive=True)]

    @property
    def all(self) -> list[psutil.Process]:
        return [p for p in self.everyone if p == self.leader or self._is_worker(p)]

    def _is_worker(self, process: psutil.Process) -> bool:
        if self.real.is_forking:
            return False
        try:
            line = " ".join(process.cmdline())
        except psutil.NoSuchProcess:
            return False
        return not any(word in line for word in self.real.helpers)

    def connections(self, port: int) -> list[int]:
        """How many connections to this port each process holds."""
        return [sockets.held(process.pid, port) for process in self.all]

    @property
    def program(self) -> str:
        """The program that the parent runs, even if a title has replaced its command line."""
        words = " ".join(self.leader.cmdline()).split()
        names = (word.rpartition("/")[2] for word in words)
        return next(name for name in names if not name.startswith("python")).rstrip(":")

    def total(self, port: int) -> int:
        return sum(self.connections(port))


def carriers(caller: Caller) -> list[int]:
    """The PIDs of all processes that were started for this instance, with or without a parent."""
    wanted = f"OPENSTACK_OCF_INSTANCE={caller.agent}/{caller.instance}\0".encode()
    found = []
    for pid in psutil.pids():
        try:
            if wanted in Path(f"/proc/{pid}/environ").read_bytes() + b"\0":
                found.append(pid)
        except OSError:
            continue
    return found


def sessions(caller: Caller) -> set[int]:
    """The sessions of the instance's processes. Each start makes one."""
    found = set()
    for pid in carriers(caller):
        with contextlib.suppress(ProcessLookupError):
            found.add(os.getsid(pid))
    return found


@each_daemon
def test_life(real: Real, stack: Stack, running: Ready, trials: Trials) -> None:
    caller = running(real)
    probed = caller("monitor")
    assert probed.code == 7, probed
    started = caller("start", timeout=real.patience)
    assert started.code == 0, started

    family = Family(caller, real)
    check_processes(family)
    check_monitor(caller, real)
    check_connections(family)
    seen = {
        "parent": family.program,
        "processes": len(family.all),
        "AMQP": family.connections(AMQP),
        "SQL": family.connections(SQL),
        "start": f"{started.seconds:.1f} s",
    }
    check_second_start(caller, family)

    everyone = family.everyone
    stopped = caller("stop", timeout=daemons.patience())
    assert stopped.code == 0, stopped
    # a zombie that init has yet to reap does not count
    assert not [p for p in everyone if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    assert carriers(caller) == []
    if real.port:
        assert not stack.is_open(real.port)
    probed = caller("monitor")
    assert probed.code == 7, probed
    report.note(real.name, report.REAL, {**seen, "stop": f"{stopped.seconds:.1f} s"})
    trials.begin(real)


def check_processes(family: Family) -> None:
    real = family.real
    assert family.leader.username() == real.user
    assert os.getsid(family.pid) == family.pid, "the parent leads a session of its own"
    wait_until(lambda: len(family.all) == real.processes, SETTLE, f"{real.processes} processes")
    if real.port:
        ports = set().union(*(sockets.listening(process.pid) for process in family.all))
        assert real.port in ports


def check_monitor(caller: Caller, real: Real) -> None:
    for level in real.levels:
        judged = caller.monitor(level)
        assert judged.code == 0, (level, judged)
    if "os_username" in real.parameters:
        assert caller.tokens


def check_connections(family: Family) -> None:
    """Check the connections after monitor: an API connects to its database at its first request."""
    for wanted, port in ((family.real.amqp, AMQP), (family.real.sql, SQL)):
        if wanted:
            wait_until(partial(family.total, port), SETTLE, f"connections to {port}")


def check_second_start(caller: Caller, family: Family) -> None:
    before, known = family.all, sessions(caller)
    again = caller("start", timeout=family.real.patience)
    assert again.code == 0, again
    assert Family(caller, family.real).pid == family.pid
    assert family.all == before
    # The first daemon may have lost its marker (neutron-l3-agent writes its title over its
    # environment), so its session counts too. The helpers in that session come and go.
    assert sessions(caller) <= known | {family.pid}


@pytest.mark.parametrize("tried", daemons.first_of_each_agent(), ids=lambda real: real.name)
def test_ocf_tester(tried: Real, trials: Trials) -> None:
    trials.result(tried)


def test_list_holds_every_daemon_that_debian_installs() -> None:
    named = {real.script or real.agent for real in daemons.ALL}
    installed = {path.name for path in Path("/etc/init.d").iterdir()}
    assert {name for name in named if name.partition("-")[0] in PROJECTS} == {
        name for name in installed if name.partition("-")[0] in PROJECTS
    }


@each_daemon
def test_agent_is_there(real: Real) -> None:
    assert os.access(AGENTS / real.agent, os.X_OK)
