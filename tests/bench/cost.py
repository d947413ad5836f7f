"""What a call costs: CPU, user and system, of a process and all that it waited for (wait4(2)).

On a machine that is shared, wall time says how busy others are. The cases take turns, so that a
change of the machine's mood hits all of them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

BARE = ("/usr/bin/python3", "-I", "-S", "-c", "pass")
# A heavy case is called in one round of so many.
SELDOM = 10


class CallFailed(Exception):
    """A call ended with another code than it should; its cost would be another thing's."""


class Case(NamedTuple):
    """One thing to measure.

    limit: the highest ratio to a bare interpreter that the project allows itself, None for none.
    codes: how it may end. is_heavy: it is called in one round of ten. is_ours: False for what it
    is compared with.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    limit: float | None = None
    codes: Sequence[int] = (0,)
    is_heavy: bool = False
    is_ours: bool = True


class Figure(NamedTuple):
    """What came out for one case. milliseconds: CPU of one call, a median. ratio: to a bare
    interpreter in the same run. calls: of how many. Goes to report.json as it is."""

    name: str
    milliseconds: float
    ratio: float
    limit: float | None
    calls: int
    is_ours: bool = True


def cpu_seconds(
    command: Sequence[str], environment: Mapping[str, str], codes: Sequence[int] = (0,)
) -> float:
    """Run the command and return what it cost. Raises CallFailed, with what it says when it is run
    once more."""
    child = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _, status, usage = os.wait4(child.pid, 0)
    except BaseException:  # the end of this program: it leaves nothing behind
        child.kill()
        child.wait()
        raise
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in codes:
        again = subprocess.run(command, env=environment, capture_output=True, text=True)
        raise CallFailed(
            f"{' '.join(command)} ended with {child.returncode}; "
            f"once more, with {again.returncode}: {(again.stderr or again.stdout).strip()[:500]}"
        )
    return usage.ru_utime + usage.ru_stime


def take_turns(cases: Iterable[Case], rounds: int) -> list[Figure]:
    """The figure of each case, in their order. The bare interpreter's is the first."""
    all_cases = [Case("bare python3 -I -S", BARE, {}), *cases]
    measured: list[list[float]] = [[] for _ in all_cases]
    for turn in range(rounds):
        for case, times in zip(all_cases, measured):
            if not (case.is_heavy and turn % SELDOM):
                times.append(cpu_seconds(case.command, case.environment, case.codes))
    return figures(all_cases, measured)


def figures(cases: Sequence[Case], measured: Sequence[Sequence[float]]) -> list[Figure]:
    """From the CPU seconds of each call of each case; the first is the one to compare with."""
    bare = statistics.median(measured[0])
    made = []
    for case, times in zip(cases, measured):
        middle = statistics.median(times)
        made.append(
            Figure(case.name, middle * 1000, middle / bare, case.limit, len(times), case.is_ours)
        )
    return made
