"""What the real APIs report about real daemons that work, and about real daemons that hang."""

from __future__ import annotations

import dataclasses
import os
import re
import runpy
import signal
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial

import pytest
import requests

from ocf_lib import agent
from ocf_lib.declare.service import Report, Service
from ocf_lib.environment import Environment
from ocf_lib.health import selfreport
from ocf_lib.health.listing import Listing
from ocf_lib.instance import Instance
from ocf_lib.launch import command
from ocf_lib.launch.oslo import Options
from ocf_lib.net.patience import Patience
from ocf_lib.outcomes import Degraded, Outcome, Suspect
from tests.bed.waiting import wait_until
from tests.calling import AGENTS, PATH, Caller
from tests.stack import daemons
from tests.stack.identity import IDENTITY, PASSWORD
from tests.stack.real import Real
from tests.stack.stack import Stack

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # from modules that keystoneauth imports indirectly
    from keystoneauth1 import session
    from keystoneauth1.identity import v3

pytestmark = [pytest.mark.root, pytest.mark.stack]

# The daemons report every 10 s. One that was frozen during a report first waits 60 s for the
# answer, and tries again later.
SECONDS = 200.0
# The catalog has a second region, with the services of 2013 (legacy.py).
REGION = {"os_region_name": "RegionOne"}


def watched(name: str, *beside: str) -> Real:
    """The daemon of this agent, with those that run beside it: the API and another that reports."""
    real = next(real for real in daemons.ALL if real.agent == name)
    parameters = {**real.parameters, **REGION}
    return dataclasses.replace(real, parameters=parameters, beside=(*real.beside, *beside))


# Each with the table of its reports, and the column with the time of the last report.
HANGING = [
    (watched("nova-scheduler", "nova-conductor", "nova-api"), "nova.services", "last_seen_up"),
    (watched("cinder-scheduler", "cinder-volume", "cinder-api"), "cinder.services", "updated_at"),
    (watched("cinder-volume", "cinder-scheduler", "cinder-api"), "cinder.services", "updated_at"),
    (
        watched("neutron-agent-dhcp", "neutron-metadata-agent", "neutron-api"),
        "neutron.agents",
        "heartbeat_timestamp",
    ),
]
WORKING = [
    watched("nova-compute", "nova-api"),
    watched("heat-engine", "heat-api"),
    watched("manila-share", "manila-api"),
]
Ready = Callable[[Real], Caller]


def name_of(one: object) -> str:
    return one.name if isinstance(one, Real) else ""


@pytest.fixture
def run(stack: Stack, running: Ready) -> Iterator[Ready]:
    """Starts a daemon. At the end also stops those beside it: two agents of Neutron's API have
    the same port."""
    ran: list[Real] = []

    def start(real: Real) -> Caller:
        ran.append(real)
        caller = running(real)
        started = caller("start", timeout=real.patience)
        assert started.code == 0, started
        return caller

    yield start
    for real in ran:
        for name in reversed(real.beside):
            daemons.release(stack, name)


def service(name: str) -> Service:
    """The service as its agent declares it."""
    found: list[Service] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agent, "run", found.append)
        runpy.run_path(str(AGENTS / name))
    return found[0]


class Monitor:
    """Polls one instance. Each poll reads the instance's notes from the file."""

    def __init__(self, stack: Stack, caller: Caller) -> None:
        self.stack, self.caller, self.service = stack, caller, service(caller.agent)
        assert self.service.report is not None
        self.report: Report = self.service.report

    def instance(self) -> Instance:
        return Instance(self.service, Environment(["monitor"], self.caller.environment()))

    def poll(self) -> Outcome | None:
        """Poll once; return the outcome that the check raised, None if all is well."""
        instance = self.instance()
        options = Options(
            command.resolve(instance.service, instance.parameters).argv, self.service.project
        )
        try:
            self.stack.inside(self._check, instance, options)
        except Outcome as outcome:
            return outcome
        finally:
            instance.keep_notes()
        return None

    @staticmethod
    def _check(instance: Instance, options: Options) -> None:
        domain = {"user_domain_name": "Default", "project_domain_name": "Default"}
        account = {"username": "admin", "password": PASSWORD, "project_name": "admin", **domain}
        with requests.Session() as connections:
            logged_in = session.Session(v3.Password(f"{IDENTITY}/v3", **account), connections)
            report, of = instance.service.report, instance.parameters
            assert report is not None
            place = (of["os_region_name"] or "", of["os_interface"])
            patience = Patience(instance.environment.deadline)
            listing = Listing(logged_in, report, *place, patience)
            selfreport.compare(instance.notes, listing, options)

    def wait_until_up(self) -> None:
        said: list[Outcome | None] = []

        def is_up() -> bool:
            said.append(self.poll())
            return said[-1] is None

        try:
            wait_until(is_up, SECONDS, f"{self.report.binary} is up", 1)
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {said[-1]!r}") from None
        assert [name for name in self.instance().notes.facts if name.startswith("report.")] == []

    def age(self, seconds: float) -> None:
        instance = self.instance()
        assert instance.notes["report.down"]
        instance.notes["report.down"] = time.monotonic() - seconds
        instance.keep_notes()


def forget(stack: Stack, table: str, column: str, binary: str) -> None:
    """Set the time of this binary's last report to an hour ago, in the database."""
    then = "utc_timestamp() - interval 1 hour"
    statement = f"update {table} set {column} = {then} where `binary` = '{binary}'"
    done = subprocess.run(
        [
            *("mariadb", "--no-defaults", "--user=root"),
            f"--socket={stack.folder}/mariadb/socket",
            f"--execute={statement}",
        ],
        env={"PATH": PATH},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("real", WORKING, ids=lambda real: real.name)
def test_one_that_works_is_up(real: Real, stack: Stack, run: Ready) -> None:
    Monitor(stack, run(real)).wait_until_up()


@pytest.mark.parametrize(("real", "table", "column"), HANGING, ids=name_of)
def test_one_that_hangs_is_at_fault_once_its_down_time_has_passed(
    real: Real, table: str, column: str, stack: Stack, run: Ready
) -> None:
    caller = run(real)
    monitor = Monitor(stack, caller)
    monitor.wait_until_up()
    leader = int((caller.rsctmp / f"{caller.instance}.pid").read_text())
    assert os.getsid(leader) == leader
    os.killpg(leader, signal.SIGSTOP)
    try:
        # a report that was under way may arrive after `forget`
        forgotten = partial(forget, stack, table, column, monitor.report.binary)
        wait_until(lambda: forgotten() or monitor.poll(), SECONDS, "it is reported down", 1)
        first = monitor.poll()
        assert type(first) is Degraded, first
        assert f"reports {monitor.report.binary} on stack" in str(first)
        assert "as down" in str(first)
        assert "not yet" in str(first)
        least, began = monitor.report.seconds + 1, time.monotonic()
        monitor.age(least)
        last = monitor.poll()
        assert type(last) is Suspect, last
        shown = re.search(r"down for (\d+) s, while others are up", str(last))
        assert shown, last
        assert least <= int(shown[1]) <= round(least + time.monotonic() - began)
    finally:
        os.killpg(leader, signal.SIGCONT)
    monitor.wait_until_up()
