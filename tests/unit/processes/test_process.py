"""Is it still the same process? Real ones: dead, zombie, frozen, recycled PID, another owner."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from ocf_lib.processes.process import UNKNOWN, Process, stat
from tests.unit.conftest import Processes, eventually

SLEEP = "import time; print(0, flush=True); time.sleep(600)"


def identity(pid: int) -> Process:
    found = stat(pid)
    assert found is not None
    return Process.of(found)


def test_this_process_as_the_system_sees_it() -> None:
    found = stat(os.getpid())
    assert found is not None
    assert (found.pid, found.ppid) == (os.getpid(), os.getppid())
    assert found.session == os.getsid(0)
    assert found.is_alive
    assert not found.is_frozen
    ticks = os.sysconf("SC_CLK_TCK")
    with open("/proc/uptime") as file:
        uptime = float(file.read().split()[0])
    age = uptime - found.start / ticks
    assert 0 <= age < uptime
    made = identity(os.getpid())
    assert (made.uid, made.exe) == (os.getuid(), os.path.realpath("/proc/self/exe"))


def test_no_process() -> None:
    assert stat(2**22 + 1) is None
    assert stat(0) is None


@pytest.mark.parametrize("name", ["a) S 1 1 (b", "((", ")", "a b\nc", "x" * 15])
def test_names_with_blanks_and_parentheses(processes: Processes, name: str) -> None:
    code = "import sys\nopen('/proc/self/comm', 'w').write(sys.argv[1])\n" + SLEEP
    process, _ = processes.python(code, name)
    found = stat(process.pid)
    assert found is not None
    assert found.ppid == os.getpid()
    assert found.session == process.pid
    assert found.is_alive


def test_a_living_process_is_itself(processes: Processes) -> None:
    process, _ = processes.python(SLEEP)
    alive = identity(process.pid).alive()
    assert alive is not None
    assert alive.pid == process.pid


def test_a_dead_process_is_dead(processes: Processes) -> None:
    process, _ = processes.python(SLEEP)
    known = identity(process.pid)
    process.kill()
    process.wait()
    assert known.alive() is None


def test_a_zombie_is_dead(processes: Processes) -> None:
    process, _ = processes.python(SLEEP)
    known = identity(process.pid)
    process.kill()

    def is_zombie() -> bool:
        found = stat(process.pid)
        return found is not None and found.state == "Z"

    eventually(is_zombie)
    assert known.alive() is None
    found = stat(process.pid)
    assert found is not None
    assert not found.is_alive


def test_a_frozen_process_is_alive_and_frozen(processes: Processes) -> None:
    process, _ = processes.python(SLEEP)
    known = identity(process.pid)
    process.send_signal(signal.SIGSTOP)
    eventually(lambda: (found := known.alive()) is not None and found.is_frozen)
    process.send_signal(signal.SIGCONT)
    eventually(lambda: (found := known.alive()) is not None and not found.is_frozen)


@pytest.mark.parametrize("shift", [-1, 1, 1000])
def test_another_start_time_is_another_process(processes: Processes, shift: int) -> None:
    """A recycled PID has another start time."""
    process, _ = processes.python(SLEEP)
    known = identity(process.pid)
    assert Process(known.pid, known.start + shift, known.uid, known.exe).alive() is None


@pytest.mark.root
def test_another_owner_is_another_process(processes: Processes) -> None:
    process, _ = processes.python(SLEEP, user=65534, group=65534, extra_groups=[])
    known = identity(process.pid)
    assert known.uid == 65534
    assert known.alive() is not None
    assert Process(known.pid, known.start, 0, known.exe).alive() is None
    assert Process(known.pid, known.start, UNKNOWN, known.exe).alive() is not None


def test_another_executable_is_another_process(processes: Processes) -> None:
    process, _ = processes.python(SLEEP)
    known = identity(process.pid)
    assert Process(known.pid, known.start, known.uid, "/usr/bin/other").alive() is None
    assert Process(known.pid, known.start, known.uid, "").alive() is not None


def test_an_exec_keeps_pid_and_start_time_and_changes_the_executable(
    processes: Processes, tmp_path: Path
) -> None:
    """A wrapper script may exec the daemon, so executable and owner are noted late."""
    code = """
import os, sys
print(0, flush=True)
sys.stdin = open(sys.argv[1])  # a FIFO: waits for the test
os.execv("/bin/sleep", ["sleep", "600"])
"""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    process, _ = processes.python(code, fifo)
    early, late = identity(process.pid), Process(process.pid, identity(process.pid).start)
    fifo.write_text("")
    eventually(lambda: early.alive() is None)
    assert late.alive() is not None


def test_an_upgraded_executable_is_the_same_process(processes: Processes, tmp_path: Path) -> None:
    """The package manager replaces the file while the daemon runs."""
    program = tmp_path / "daemon"
    shutil.copy2("/bin/sleep", program)
    process, _ = processes.run(program, "600")
    eventually(lambda: identity(process.pid).exe == str(program))
    known = identity(process.pid)
    program.unlink()
    assert os.readlink(f"/proc/{process.pid}/exe").endswith(" (deleted)")
    assert known.alive() is not None
    assert identity(process.pid).exe == str(program)
