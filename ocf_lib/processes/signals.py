"""Signals for exactly the processes that are meant, never for another that took over a PID.

Source: pidfd_open(2), pidfd_send_signal(2), wait(2), proc(5).
"""

from __future__ import annotations

import os
import signal

from ocf_lib.processes.process import PROC, Process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ocf_lib.processes.process import Stat


def send(processes: Iterable[Stat], number: int) -> None:
    """Send signal `number` to each that still lives."""
    for process in processes:
        try:
            # the descriptor holds on to the process: the one that is checked gets the signal
            descriptor = os.pidfd_open(process.pid)
        except ProcessLookupError:
            continue
        except OSError:
            # a kernel before 5.3
            _send_by_pid(process, number)
            continue
        try:
            if lives(process):
                signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            pass
        finally:
            os.close(descriptor)


def lives(process: Stat) -> bool:
    """Whether the process still lives, and no other process has its PID now."""
    return as_it_is(process) is not None


def as_it_is(process: Stat) -> Stat | None:
    """The same process now, None if it is dead."""
    return Process(process.pid, process.start).alive()


def describe(status: int) -> str:
    """A status of wait(2) in words: "exited with 1", "was ended by signal 9 (SIGKILL)"."""
    if not os.WIFSIGNALED(status):
        return f"exited with {os.WEXITSTATUS(status)}"
    number = os.WTERMSIG(status)
    try:
        name = f" ({signal.Signals(number).name})"
    except ValueError:
        name = ""  # a real-time signal
    return f"was ended by signal {number}{name}"


def is_heeded(process: Stat, number: int) -> bool:
    """Whether the process catches this signal: the signal neither ends it nor is ignored."""
    try:
        with open(f"{PROC}/{process.pid}/status", encoding="utf-8", errors="replace") as file:
            caught = next(line for line in file if line.startswith("SigCgt:"))
    except (OSError, StopIteration):
        return False
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def _send_by_pid(process: Stat, number: int) -> None:
    try:
        if lives(process):
            os.kill(process.pid, number)
    except ProcessLookupError:
        pass
