"""What real processes do while they are watched: sleep, run, wait for a CPU."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from ocf_lib.health.stuck import is_progress
from ocf_lib.processes.progress import Progress, Times, _Thread
from tests.unit.conftest import Processes

SPIN = "print(0, flush=True)\nwhile True: pass"
SLEEP = "import time\nprint(0, flush=True)\ntime.sleep(600)"
# its first thread sleeps, another one works
SPIN_IN_A_THREAD = """
import _thread, time
def spin():
    while True: pass
_thread.start_new_thread(spin, ())
print(0, flush=True)
time.sleep(600)
"""
# many threads work by turns, as those of a WSGI server with as many requests
SPIN_BY_TURNS = """
import _thread, time
def spin():
    while True: pass
for _ in range(40):
    _thread.start_new_thread(spin, ())
print(0, flush=True)
time.sleep(600)
"""
SLEEP_IN_THREADS = SPIN_BY_TURNS.replace("while True: pass", "time.sleep(600)")
# runs one short program after the other, as a daemon that calls rootwrap or qemu-img
RUN_PROGRAMS = """
import subprocess
print(0, flush=True)
while True: subprocess.call(["sh", "-c", "i=0; while [ $i -lt 10000 ]; do i=$((i+1)); done"])
"""
# works in a child that began after the first look
SPIN_IN_A_CHILD = """
import os, sys, time
print(0, flush=True)
sys.stdin.readline()
if os.fork():
    time.sleep(600)
while True: pass
"""


def watched(pids: list[int], seconds: float = 1.0, progress: Progress | None = None) -> Progress:
    progress = progress or Progress()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        progress.look(pids)
        time.sleep(0.05)
    return progress


def awake(progress: Progress) -> float:
    """The share of the time in which the busiest thread was awake."""
    return progress.times[0].total / progress.seconds


@pytest.mark.parametrize("code", [SPIN, SPIN_IN_A_THREAD])
def test_one_that_spins_is_awake(processes: Processes, code: str) -> None:
    process, _ = processes.python(code)
    found = watched([process.pid])
    assert awake(found) > 0.8
    assert found.times[0].ran > 0


def test_one_that_sleeps_is_not(processes: Processes) -> None:
    process, _ = processes.python(SLEEP)
    time.sleep(0.1)
    assert awake(watched([process.pid])) < 0.2


def test_threads_that_work_by_turns_are_awake_together(processes: Processes) -> None:
    process, _ = processes.python(SPIN_BY_TURNS)
    found = watched([process.pid])
    assert found.process_times[0].total > 0.8 * found.seconds
    assert found.process_times[0].total <= found.seconds + 1e-6
    assert is_progress(found.process_times[0], found.seconds)


def test_threads_that_sleep_are_not_awake_together(processes: Processes) -> None:
    process, _ = processes.python(SLEEP_IN_THREADS)
    time.sleep(0.1)
    found = watched([process.pid])
    assert not any(is_progress(each, found.seconds) for each in found.process_times)


def test_programs_that_it_runs_count(processes: Processes) -> None:
    """None of them lives long enough to be found."""
    process, _ = processes.python(RUN_PROGRAMS)
    found = watched([process.pid])
    assert any(is_progress(each, found.seconds) for each in found.times)


def test_one_that_gets_no_cpu_waits_for_it(processes: Processes) -> None:
    """All are bound to one CPU, and the others are preferred."""
    cpu = min(os.sched_getaffinity(0))
    others = [processes.python(SPIN)[0] for _ in range(8)]
    starved, _ = processes.python(SPIN)
    for process in (*others, starved):
        os.sched_setaffinity(process.pid, {cpu})
    os.setpriority(os.PRIO_PROCESS, starved.pid, 19)
    found = watched([starved.pid], 2.0)
    assert awake(found) > 0.8
    assert found.times[0].waited > 2 * found.times[0].ran


def test_a_process_that_begins_later_counts(processes: Processes) -> None:
    parent = subprocess.Popen(
        ["/usr/bin/python3", "-ISc", SPIN_IN_A_CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    processes.started.append(parent)
    assert parent.stdout is not None
    assert parent.stdin is not None
    parent.stdout.readline()
    progress = Progress()
    progress.look([parent.pid])
    parent.stdin.write(b"\n")
    parent.stdin.close()
    path = f"/proc/{parent.pid}/task/{parent.pid}/children"
    children: list[int] = []
    while not children:
        with open(path) as file:
            children = [int(word) for word in file.read().split()]
    watched([parent.pid, *children], 1.0, progress)
    assert awake(progress) > 0.5


def test_a_process_that_is_gone_is_no_error(processes: Processes) -> None:
    process, _ = processes.python(SLEEP)
    progress = watched([process.pid], 0.1)
    process.kill()
    process.wait()
    watched([process.pid, 1 << 22], 0.1, progress)
    assert progress.times[0].total < progress.seconds


def test_nothing_was_watched() -> None:
    assert Progress().seconds == 0
    assert Progress().times == []


@pytest.mark.parametrize(
    ("states", "counted", "expected"),
    [
        # the kernel adds a wait for a CPU when it is over: until then only the state tells
        ("RRRRR", Times(), (0, 4, 0)),
        # one that is found runnable now and then wakes for a moment
        ("RSRSR", Times(0, 0.1), (0, 0.1, 0)),
        # a wait that began before the watch
        ("RSSSS", Times(0.1, 60), (0.1, 4.9, 0)),
        # kernel.task_delayacct is off: only the state tells of a disk
        ("DDDDD", Times(), (0, 0, 5)),
        ("SDSDS", Times(0.5, 0.5), (0.5, 0.5, 2)),
        ("SSSSS", Times(1, 1, 2), (1, 1, 2)),
        ("SSSSS", Times(), (0, 0, 0)),
    ],
)
def test_the_states_fill_what_the_kernel_does_not_count(
    states: str, counted: Times, expected: tuple[float, float, float]
) -> None:
    thread = _Thread(Times())
    for state in states:
        thread.see(state, counted, 1.0)
    found = thread.times(5.0)
    assert (found.ran, found.waited, found.blocked) == pytest.approx(expected)
