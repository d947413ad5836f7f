"""The busy host of `make bench`: its load, its gate, and its monitors as Pacemaker calls them."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench import busy_load, declared
from tests.bench.busy_gate import Gate
from tests.bench.busy_polls import KILLED, follow, poll, summary
from tests.bench.busy_services import Operation, Service, advertised
from tests.bench.measurement import OK, OVER, Row
from tests.calling import Caller
from tests.unit.bench.findings import everything

AGENT = """#!/bin/sh
case $1 in
monitor) echo "$OCF_CHECK_LEVEL $OCF_RESKEY_CRM_meta_interval" >> {folder}/called; exec {monitor};;
*) echo "$1" >> {folder}/called; exit 0;;
esac
"""
SAYS = "sh -c 'echo ocf-exit-reason:because >&2; exit {code}'"


def service(folder: Path, monitor: str, *monitors: Operation) -> Service:
    """A service whose agent runs `monitor` for a monitor. monitors: what it advertises."""
    (folder / "agents").mkdir()
    agent = folder / "agents/keystone"
    agent.write_text(AGENT.format(folder=folder, monitor=monitor))
    agent.chmod(0o755)
    made: Service = object.__new__(Service)
    made.caller = Caller("keystone", folder)
    made.caller.agents = folder / "agents"
    made.name, made.monitors, made.timeouts = "keystone", list(monitors), {"start": 5, "stop": 5}
    return made


def called(folder: Path) -> list[str]:
    return (folder / "called").read_text().splitlines()


# -- monitors ----------------------------------------------------------------------------------


def test_the_monitors_are_those_that_the_agent_advertises(tmp_path: Path) -> None:
    monitors, timeouts = advertised(Caller("keystone", tmp_path))
    assert {each.depth for each in monitors} == {0, 10, 20}
    assert all(each.timeout > 0 and each.interval > 0 for each in monitors)
    assert timeouts["start"] > 0
    assert timeouts["stop"] > 0


@pytest.mark.parametrize("code", [0, 1, 7, 190])
def test_a_poll_tells_the_code_and_the_reason(tmp_path: Path, code: int) -> None:
    its = service(tmp_path, SAYS.format(code=code))
    found = poll(its, Operation(20, 10, 10))
    assert (found.code, found.reason, found.depth) == (code, "because", 10)
    assert called(tmp_path) == ["10 10000"]


def test_a_poll_is_killed_at_its_timeout(tmp_path: Path) -> None:
    found = poll(service(tmp_path, "sleep 60"), Operation(1, 10))
    assert found.code == KILLED
    assert found.seconds < 30


@pytest.mark.parametrize(("code", "restarts"), [(0, 0), (190, 0), (1, 1), (7, 1)])
def test_a_verdict_of_failed_is_followed_by_a_restart(
    tmp_path: Path, code: int, restarts: int
) -> None:
    its = service(tmp_path, SAYS.format(code=code), Operation(20, 60))
    found = summary("keystone", follow(its, 0.1))
    assert found["restarts"] == restarts
    assert (found["polls"], found["failed"]) == (1, restarts)
    assert called(tmp_path)[1:] == ["stop", "start"] * restarts


def test_a_killed_monitor_is_followed_by_a_restart(tmp_path: Path) -> None:
    found = summary("keystone", follow(service(tmp_path, "sleep 60", Operation(1, 60)), 0.1))
    assert (found["killed"], found["failed"], found["restarts"]) == (1, 0, 1)


def test_each_monitor_has_its_own_interval(tmp_path: Path) -> None:
    often, seldom = Operation(20, 0.01, 0), Operation(20, 60, 10)
    polls = follow(service(tmp_path, SAYS.format(code=0), often, seldom), 3)
    depths = [each.depth for each in polls]
    assert depths.count(10) == 1
    assert depths.count(0) > 1


# -- the report --------------------------------------------------------------------------------


def rows(title: str, **changed: Any) -> list[Row]:
    """The rows of one table, with changed findings of the first service."""
    found = everything()["starved"]
    found["loads"][0]["services"][0].update(changed)
    (its,) = (each for each in declared.MEASUREMENTS if each.title == title)
    return its.rows(found)


def test_a_single_restart_is_over_the_limit() -> None:
    title = "What a busy host restarts"
    assert [row.verdict for row in rows(title)] == [OK]
    assert [row.verdict for row in rows(title, restarts=1)] == [OVER]


@pytest.mark.parametrize(("polls", "verdict"), [(1, OK), (2, OK), (None, OVER)])
def test_a_deadlock_that_is_not_found_is_over(polls: int | None, verdict: str) -> None:
    found = everything()["starved"]
    found["deadlocked"][0]["polls"] = polls
    (its,) = (each for each in declared.MEASUREMENTS if each.title.startswith("A deadlocked"))
    assert [row.verdict for row in its.rows(found)] == [verdict]


@pytest.mark.parametrize(
    ("changed", "verdict"), [({}, OK), ({"early": True}, OVER), ({"seconds": None}, OVER)]
)
def test_spinning_must_fail_and_not_too_early(changed: dict[str, Any], verdict: str) -> None:
    found = everything()["starved"]
    found["spinning"][0].update(changed)
    (its,) = (each for each in declared.MEASUREMENTS if each.title.startswith("A spinning"))
    assert [row.verdict for row in its.rows(found)] == [verdict]


# -- the gate ----------------------------------------------------------------------------------


class Application:
    """The application behind a gate, as the daemon loads it."""

    def __init__(self, folder: Path) -> None:
        original = folder / "packaged/api-wsgi"
        original.parent.mkdir()
        original.write_text("application = lambda environ, start_response: [b'well']\n")
        self.gate = Gate(folder, str(original), is_uwsgi=True)
        loader = importlib.machinery.SourceFileLoader("gated", str(self.gate.program))
        spec = importlib.util.spec_from_loader("gated", loader)
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
        self.answers: list[list[bytes]] = []
        self.ask = lambda: self.answers.append(module.application({}, None))

    def request(self) -> threading.Thread:
        thread = threading.Thread(target=self.ask, daemon=True)
        thread.start()
        return thread


@pytest.fixture
def application(tmp_path: Path) -> Application:
    return Application(tmp_path)


def test_an_open_gate_lets_requests_through(application: Application) -> None:
    application.ask()
    assert application.answers == [[b"well"]]


@pytest.mark.parametrize("way", ["locked", "spinning"])
def test_a_shut_gate_holds_requests_until_it_opens(application: Application, way: str) -> None:
    with getattr(application.gate, way)():
        thread = application.request()
        time.sleep(0.2)
        assert thread.is_alive()
    thread.join(20)
    assert application.answers == [[b"well"]]


# -- the load ----------------------------------------------------------------------------------


def children() -> set[int]:
    """The processes that this thread started."""
    listed = Path(f"/proc/{os.getpid()}/task/{threading.get_native_id()}/children").read_text()
    return {int(pid) for pid in listed.split()}


def test_loops_run_each_in_its_own_session_and_end() -> None:
    before = children()
    with busy_load.loops(3):
        made = children() - before
        assert len(made) == 3
        assert {os.getsid(pid) for pid in made} == made
    assert not any(Path(f"/proc/{pid}").exists() for pid in made)


@pytest.fixture
def eating() -> Iterator[subprocess.Popen[str]]:
    size = 256 << 20
    words = [sys.executable, busy_load.__file__, str(size)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


@pytest.mark.root
def test_the_memory_is_in_use_and_the_kernel_takes_it_first(eating: subprocess.Popen[str]) -> None:
    assert eating.stdout is not None
    assert eating.stdout.readline() == "ready\n"
    status = Path(f"/proc/{eating.pid}/status").read_text()
    (resident,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    assert int(resident) << 10 >= 256 << 20
    assert Path(f"/proc/{eating.pid}/oom_score_adj").read_text() == "1000\n"
