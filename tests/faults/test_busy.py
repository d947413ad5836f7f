"""Slow is not stuck: who is to blame if an answer is late (contract 25a; docs/verdicts.md).

The rows of the table in docs/verdicts.md, each with a daemon that does what the row says.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests import pace
from tests.faults.rig import Rig, wait_until

pytestmark = pytest.mark.root

LOOP = "while True: pass"
INTERVAL = "OCF_RESKEY_CRM_meta_interval"
LOG_IN = "POST /v3/auth/tokens"
Neighbours = Callable[[int], list[int]]


@pytest.fixture
def crowd() -> Iterator[Neighbours]:
    """Starts busy loops on the first CPU that we may use, and returns their PIDs."""
    made: list[subprocess.Popen[bytes]] = []

    def start(number: int) -> list[int]:
        for _ in range(number):
            # a session each: the kernel may share the CPU among sessions (sched_autogroup)
            loop = ["/usr/bin/python3", "-ISc", LOOP]
            made.append(subprocess.Popen(loop, start_new_session=True))
            os.sched_setaffinity(made[-1].pid, {first_cpu()})
        return [process.pid for process in made]

    yield start
    for process in made:
        process.kill()
        process.wait()


@pytest.fixture
def running(running: Rig) -> Rig:
    """A monitor without a verdict is the subject here."""
    running.caller.repeats = False
    return running


def first_cpu() -> int:
    return min(os.sched_getaffinity(0))


def starve(pids: list[int]) -> None:
    """These get the CPU of the crowd, and next to nothing of it."""
    for pid in pids:
        os.sched_setaffinity(pid, {first_cpu()})
        os.setpriority(os.PRIO_PROCESS, pid, 19)


# -- a late answer -----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["hang", "trickle:5"])
def test_one_that_sleeps_is_stuck_and_fails_at_the_first_poll(running: Rig, mode: str) -> None:
    running.set(mode=mode)
    result = running.monitor()
    assert result.code == 1
    assert "did not answer within 2 s" in result.reason[:128]


def test_one_that_spins_is_degraded_until_hang_grace_is_over(running: Rig) -> None:
    running.set(mode="spin")
    result = running.monitor()
    assert result.code == 190
    assert "did not answer within 2 s; its processes " in result.reason[:128]
    assert "busy, degraded)" in result.reason[:128]
    assert running.monitor(hang_grace=3600).code == 190
    time.sleep(1)
    result = running.monitor(hang_grace=1)
    assert result.code == 1
    assert "(hang_grace is 1)" in result.reason


def test_threads_that_work_by_turns_are_no_sleepers(running: Rig) -> None:
    """As in a WSGI server with many requests: each of its threads waits for the others."""
    running.set(mode="spin")
    starve([pid for pid in running.pids if pid != running.parent.pid])  # the machine has other work
    with contextlib.ExitStack() as clients:
        for _ in range(24):
            client = socket.create_connection(("127.0.0.1", running.port), pace.seconds(10))
            clients.enter_context(client).sendall(b"GET / HTTP/1.0\r\n\r\n")
        wait_until(lambda: running.count("request") >= 24, "all are at work")
        for _ in range(2):
            assert running.monitor(hang_grace=3600).code == 190


def test_an_answer_ends_the_grace(running: Rig) -> None:
    running.set(mode="spin:6")
    assert running.monitor().code == 190
    running.set(mode="ok")
    wait_until(lambda: running.monitor().code == 0, "it answers")
    running.set(mode="spin")
    assert running.monitor(hang_grace=4).code == 190, "counted anew"


def test_without_grace_nothing_is_excused(running: Rig) -> None:
    running.set(mode="spin")
    assert running.monitor(hang_grace=0).code == 1


def test_one_that_gets_no_cpu_is_degraded(running: Rig, crowd: Neighbours) -> None:
    crowd(8)
    starve([pid for pid in running.pids if pid != running.parent.pid])
    running.set(mode="spin")
    result = running.monitor(timeout=60)
    assert result.code == 190
    assert "s for a CPU (host busy, degraded)" in result.reason[:128]


def test_one_that_waits_for_a_disk_is_degraded(running: Rig) -> None:
    running.set(mode="disk:20")
    result = running.monitor()
    assert result.code == 190
    assert "s for a disk (host busy, degraded)" in result.reason[:128]


def test_one_that_waits_for_another_service_is_degraded(running: Rig) -> None:
    """It sleeps, but a restart does not make the other service any faster."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        running.set(mode=f"asks:{port}")
        # until then it works: it reads the request and asks
        result = running.monitor(api_timeout=round(max(4, pace.seconds(2))), timeout=60)
        assert result.code == 190
        assert f"s for an answer of 127.0.0.1:{port} (another service is slow" in result.reason
        assert running.monitor(api_timeout=4, timeout=60, hang_grace=1).code == 1


def test_an_agent_that_was_held_up_itself_has_no_verdict(running: Rig) -> None:
    """As a starved agent is, or all of a virtual machine. The request gets that time back, but no
    more than twice its own."""
    running.set(mode="hang")
    asked = running.count("request")
    poll = running.caller.spawn("monitor", timeout=60, extra={INTERVAL: "10000"}, api_timeout=2)
    wait_until(lambda: running.count("request") > asked, "it asks")
    time.sleep(1)  # the first look is at 0.5 s
    os.kill(poll.pid, signal.SIGSTOP)
    time.sleep(6)
    os.kill(poll.pid, signal.SIGCONT)
    _, said = poll.communicate(timeout=pace.seconds(60))
    assert poll.returncode == 190, said
    assert "; this agent itself was held up for " in said
    assert "s (host busy, degraded)" in said


def test_the_time_before_the_interpreter_counts(running: Rig) -> None:
    """The host was so busy that the agent began when little of its time was left."""
    running.set(mode="spin")
    late = 'sleep 3; exec "$0" "$@"'
    running.caller.prefix = ("sh", "-c", late)
    result = running.monitor(timeout=5)
    assert result.code == 190
    assert result.is_in_time


@pytest.mark.parametrize("level", [10, 20])
def test_a_log_in_that_spins_is_degraded(running: Rig, level: int) -> None:
    running.give_credentials()
    running.answer(LOG_IN, "spin")
    result = running.monitor(level, timeout=60)
    assert result.code == 190
    assert "did not complete a log-in within 2 s; its processes " in result.reason[:128]


def test_a_log_in_that_sleeps_is_failed(running: Rig) -> None:
    running.give_credentials()
    running.answer(LOG_IN, "hang")
    result = running.monitor(timeout=60)
    assert result.code == 1
    assert "did not complete a log-in within 2 s" in result.reason[:128]


@pytest.mark.parametrize("mode", ["late:4", "killed:4"])
def test_a_time_out_of_its_own_workers_is_degraded(running: Rig, mode: str) -> None:
    """A gateway's 504, and a worker that uwsgi's harakiri ended."""
    running.set(mode=mode)
    result = running.monitor(api_timeout=10, timeout=60)
    assert result.code == 190
    assert "; its processes " in result.reason
    assert "busy, degraded)" in result.reason
    assert running.monitor(api_timeout=10, timeout=60, hang_grace=1).code == 1


@pytest.mark.parametrize("mode", ["504", "500", "close", "reset", "garbage"])
def test_an_error_that_comes_at_once_is_failed(running: Rig, mode: str) -> None:
    running.set(mode=mode)
    assert running.monitor().code == 1


# -- start -------------------------------------------------------------------------------------


def test_a_start_that_is_only_slow_is_no_failure(rig: Rig) -> None:
    rig.set(mode="spin")
    result = rig.start(timeout=12)
    assert result.code == 0
    assert "; its processes " in rig.agent_log
    assert "busy, degraded)" in rig.agent_log
    assert rig.monitor().code == 190
    result = rig.monitor(hang_grace=1)
    assert result.code == 1, "counted from the start's first question"
    rig.set(mode="ok")


def test_a_start_that_is_stuck_is_a_failure(rig: Rig) -> None:
    rig.set(mode="hang")
    result = rig.caller("start", timeout=8)
    assert result.code == 1
    assert "did not answer" in result.reason


def test_a_start_ends_with_the_question_that_monitor_asks(rig: Rig) -> None:
    rig.give_credentials()
    rig.start()
    asked = rig.count("request")
    assert rig.count("login accepted") == 1
    assert rig.monitor().code == 0
    assert rig.count("request") == asked + 1
    assert rig.count("login") == 1


def test_a_start_waits_until_that_question_is_answered(rig: Rig) -> None:
    rig.give_credentials().answer("GET /v3/auth/tokens", "500")
    starting = rig.spawn("start")
    wait_until(lambda: rig.count("request GET /v3/auth/tokens") > 1, "it asks again")
    assert starting.poll() is None
    rig.answer("GET /v3/auth/tokens", "ok")
    assert starting.wait(pace.seconds(30)) == 0


def test_a_start_with_refused_credentials_is_no_failure(rig: Rig) -> None:
    rig.give_credentials(os_password="wrong")
    rig.start()
    assert "refuses user admin" in rig.agent_log
    assert rig.count("login refused") == 1
    assert rig.monitor().code == 190
    assert rig.count("login refused") == 1, "not tried again at once"
