"""What a call costs: user and system CPU of a process and its children, from wait4(2).

CPU, not wall time: on a shared machine, wall time shows how busy the others are. The cases take
turns, so that a change in the machine's load hits all of them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

BARE = ("/usr/bin/python3", "-I", "-S", "-c", "pass")
# A heavy case is called in one of this many rounds.
SELDOM = 10


class CallFailed(Exception):
    """A call ended with an unexpected exit code, so that its cost means nothing."""


class Case(NamedTuple):
    """One thing to measure.

    limit: the highest ratio to a bare interpreter that the project allows itself, or None. codes:
    the exit codes expected. is_heavy: called in one round of ten only. is_ours: False for software
    that the agents are compared with. before: called before each call; its cost does not count.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    limit: float | None = None
    codes: Sequence[int] = (0,)
    is_heavy: bool = False
    is_ours: bool = True
    before: Callable[[], None] | None = None


class Figure(NamedTuple):
    """The result of one case. milliseconds: CPU of one call (median). ratio: to a bare interpreter
    in the same run. calls: how many were measured. Goes to report.json unchanged."""

    name: str
    milliseconds: float
    ratio: float
    limit: float | None
    calls: int
    is_ours: bool = True


def cpu_seconds(
    command: Sequence[str], environment: Mapping[str, str], codes: Sequence[int] = (0,)
) -> float:
    """Run the command and return its cost in CPU seconds. If its exit code is unexpected, run it
    once more and raise CallFailed with the output."""
    child = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _, status, usage = os.wait4(child.pid, 0)
    except BaseException:  # this program is ending: leave nothing behind
        child.kill()
        child.wait()
        raise
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in codes:
        again = subprocess.run(command, env=environment, capture_output=True, text=True)
        raise CallFailed(
            f"{' '.join(command)} exited with {child.returncode}; "
            f"on repeat, with {again.returncode}: {(again.stderr or again.stdout).strip()[:500]}"
        )
    return usage.ru_utime + usage.ru_stime


def take_turns(cases: Iterable[Case], rounds: int) -> list[Figure]:
    """Measure the cases in turns. Return the bare interpreter's figure, then theirs in order.
    Raises CallFailed."""
    all_cases = [Case("bare python3 -I -S", BARE, {}), *cases]
    measured: list[list[float]] = [[] for _ in all_cases]
    for turn in range(rounds):
        for case, times in zip(all_cases, measured):
            if not (case.is_heavy and turn % SELDOM):
                if case.before:
                    case.before()
                times.append(cpu_seconds(case.command, case.environment, case.codes))
    return figures(all_cases, measured)


def figures(cases: Sequence[Case], measured: Sequence[Sequence[float]]) -> list[Figure]:
    """Compute figures from the CPU seconds of each call. The ratios are to the first case."""
    bare = statistics.median(measured[0])
    made = []
    for case, times in zip(cases, measured):
        middle = statistics.median(times)
        made.append(
            Figure(case.name, middle * 1000, middle / bare, case.limit, len(times), case.is_ours)
        )
    return made
