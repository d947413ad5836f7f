"""Signals, with real processes: they reach exactly these processes; whether a process handles one;
how a process ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from ocf_lib.processes import signals
from ocf_lib.processes.process import Stat, stat
from tests import pace
from tests.unit.conftest import eventually

WAYS = {
    "default": "",
    "ignored": "signal.signal(signal.SIGHUP, signal.SIG_IGN)",
    "caught": "signal.signal(signal.SIGHUP, lambda *_: os.write(1, b'heard\\n'))",
}


@pytest.fixture(params=list(WAYS))
def process(request: pytest.FixtureRequest) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A process that treats SIGHUP in this way."""
    script = f"import os, signal, time; {WAYS[request.param]}\nprint('ready', flush=True)\n"
    words = [sys.executable, "-IS", "-c", script + "while True: time.sleep(600)"]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    yield request.param, child
    child.kill()
    child.communicate()


def found(child: subprocess.Popen[str]) -> Stat:
    made = stat(child.pid)
    assert made is not None
    return made


def test_a_signal_is_heeded_where_it_is_caught(process: tuple[str, subprocess.Popen[str]]) -> None:
    way, child = process
    assert signals.is_heeded(found(child), signal.SIGHUP) == (way == "caught")
    assert not signals.is_heeded(found(child), signal.SIGUSR1)


def test_it_reaches_the_process(process: tuple[str, subprocess.Popen[str]]) -> None:
    way, child = process
    signals.send([found(child)], signal.SIGHUP)
    assert child.stdout is not None
    if way == "caught":
        assert child.stdout.readline() == "heard\n"
    elif way == "default":
        assert child.wait(pace.seconds(10)) == -signal.SIGHUP
    else:
        assert signals.lives(found(child))


def test_a_dead_process_heeds_nothing_and_gets_none() -> None:
    child = subprocess.Popen(["true"], text=True)
    before = found(child)
    child.wait()
    assert not signals.lives(before)
    assert not signals.is_heeded(before, signal.SIGHUP)
    signals.send([before], signal.SIGKILL)


def test_another_process_with_its_pid_gets_none(
    process: tuple[str, subprocess.Popen[str]],
) -> None:
    _, child = process
    now = found(child)
    earlier = Stat(now.pid, now.state, now.ppid, now.session, now.start - 1)
    signals.send([earlier], signal.SIGKILL)
    assert not signals.lives(earlier)
    signals.send([now], signal.SIGKILL)
    assert eventually(lambda: child.poll() == -signal.SIGKILL)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("exit 0", "exited with 0"),
        ("exit 3", "exited with 3"),
        ("exit 255", "exited with 255"),
        ("kill -TERM $$", "was ended by signal 15 (SIGTERM)"),
        ("ulimit -c 0; kill -SEGV $$", "was ended by signal 11 (SIGSEGV)"),
        ("kill -40 $$", "was ended by signal 40"),
    ],
)
def test_a_status_in_words(line: str, said: str) -> None:
    child = subprocess.Popen(["/bin/sh", "-c", line])
    _, status = os.waitpid(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert signals.describe(status) == said


def test_without_process_descriptors_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels before 5.3 have no process descriptors."""

    def refuse(pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    child = subprocess.Popen(["/bin/sleep", "60"], text=True)
    now = found(child)
    signals.send([Stat(now.pid, now.state, now.ppid, now.session, now.start - 1)], signal.SIGKILL)
    assert signals.lives(now)
    signals.send([now], signal.SIGKILL)
    assert child.wait(pace.seconds(10)) == -signal.SIGKILL
