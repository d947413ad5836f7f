"""How a process ended, in words."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from ocf_lib import signals
from ocf_lib.process import Stat, stat


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


def sleeper() -> tuple[subprocess.Popen[bytes], Stat]:
    child = subprocess.Popen(["/bin/sleep", "60"])
    found = stat(child.pid)
    assert found is not None
    return child, found


@pytest.mark.parametrize("has_descriptors", [True, False])
def test_a_signal_reaches_whom_it_is_meant_for_and_nobody_else(
    has_descriptors: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_descriptors:  # a kernel before 5.3

        def refuse(pid: int) -> int:
            raise OSError(38, "Function not implemented")

        monkeypatch.setattr(os, "pidfd_open", refuse)
    (child, meant), (other, found) = sleeper(), sleeper()
    try:
        # who had that PID before
        found.start -= 1
        signals.send([meant, found], signal.SIGKILL)
        assert child.wait(10) == -signal.SIGKILL
        signals.send([meant], signal.SIGKILL)  # gone: no error
        assert other.poll() is None
        assert not signals.lives(found)
    finally:
        for process in (child, other):
            process.kill()
            process.wait()
