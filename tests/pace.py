"""How late this machine is, and time limits that allow for it.

    python3 -m tests.pace    print the line that begins a run

The factor is about 1 on a quiet machine, and about N / 2 beside N busy loops on two cores. It is
measured at the start of a run, again if it is needed and older than AGE, and once more before a
wait is given up: a machine may become busy meanwhile.

Limits of what an agent promises, such as the timeout of an action, do not grow with it.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

BARE = ("/usr/bin/python3", "-I", "-S", "-c", "pass")
# One measurement calls that many: 50 ms in all on a quiet machine, a second beside 16 busy loops.
RUNS = 5
# CPU seconds of a bare interpreter on a slow machine (7 to 15 ms were measured). One that needs
# more than this has a slower core, which makes it late too.
NOMINAL = 0.02
# The most that is believed: one interpreter that was held up must not make limits endless.
MOST = 100.0
# Seconds for which a measurement is used.
AGE = 30.0
# A machine is busy if the factor is at least BUSY, or if its CPUs were idle for less than this
# share of a stretch of time: a burst that is over is not measured any more.
BUSY, IDLE_SHARE = 2.0, 0.25


class Pace:
    """The measurements of one run.

    call: runs a bare interpreter; returns its wall-clock and CPU time, in seconds. clock: the time,
    in seconds.
    """

    def __init__(
        self,
        call: Callable[[], tuple[float, float]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.call, self.clock = call or call_bare, clock
        self.most = 1.0
        self._latest, self._at = 1.0, float("-inf")
        self._lock = threading.RLock()

    def measure(self) -> float:
        """Measure the factor now, and return it."""
        with self._lock:
            times = [self.call() for _ in range(RUNS)]
            wall, cpu = (sum(column) for column in zip(*times))
            late = wall / min(max(cpu, 0.001 * RUNS), NOMINAL * RUNS)
            self._latest = max(1.0, min(MOST, late))
            self._at = self.clock()
            self.most = max(self.most, self._latest)
            return self._latest

    def factor(self) -> float:
        """The factor, measured if the latest measurement is older than AGE."""
        with self._lock:
            return self._latest if self.clock() - self._at < AGE else self.measure()

    def seconds(self, nominal: float) -> float:
        """The time limit for what a quiet machine does within `nominal` seconds."""
        return nominal * self.factor()


class Limit:
    """The time limit of one wait that begins now.

    nominal: seconds that suffice on a quiet machine. own: seconds more, which do not grow. pace:
    the measurements.
    """

    def __init__(self, nominal: float, own: float = 0.0, pace: Pace | None = None) -> None:
        self.pace = pace or RUN
        self.nominal, self.own = nominal, own
        self.began = self.pace.clock()
        self.seconds = own + self.pace.seconds(nominal)
        self._is_extended = False

    @property
    def promised(self) -> float:
        """The seconds that a quiet machine may take."""
        return self.own + self.nominal

    @property
    def took(self) -> float:
        """Seconds since the wait began."""
        return self.pace.clock() - self.began

    @property
    def left(self) -> float:
        """Seconds until the limit; 0 if it is over."""
        return max(0.0, self.seconds - self.took)

    def is_over(self) -> bool:
        """Whether the time is over. The first time that it seems so, the machine is measured again,
        and a wait on a machine that is later now than before goes on."""
        if self.left:
            return False
        if not self._is_extended:
            self._is_extended = True
            self.seconds = max(self.seconds, self.own + self.nominal * self.pace.measure())
        return not self.left

    def __str__(self) -> str:
        """The limit in words: "30 s", or "156 s (30 s on a machine 5.2 times as fast)"."""
        if self.seconds < 1.05 * self.promised:
            return f"{self.promised:g} s"
        times = (self.seconds - self.own) / self.nominal
        return f"{round(self.seconds, 1):g} s ({faster(self.promised, times)})"

    def lateness(self) -> str:
        """A sentence about a wait that took longer than on a quiet machine; empty if none did."""
        if self.took <= self.promised:
            return ""
        times = max(self.pace.factor(), (self.seconds - self.own) / self.nominal)
        return f"took {round(self.took, 1):g} s; promised {faster(self.promised, times)}"


class Stretch:
    """A stretch of time that begins now.

    counts: the CPU time of the machine so far, idle and whole, in any unit. pace: the measurements.
    """

    def __init__(
        self, counts: Callable[[], tuple[float, float]] | None = None, pace: Pace | None = None
    ) -> None:
        self.counts, self.pace = counts or cpu_counts, pace or RUN
        self.begun = self.counts()

    def was_busy(self) -> bool:
        """Whether the machine is busy now, or was for most of the time until now."""
        idle, whole = (now - then for now, then in zip(self.counts(), self.begun))
        return idle < IDLE_SHARE * whole or self.pace.measure() >= BUSY


def faster(nominal: float, times: float) -> str:
    """Return "30 s on a machine 5.2 times as fast"."""
    return f"{nominal:g} s on a machine {times:.1f} times as fast"


def call_bare() -> tuple[float, float]:
    """Run a bare interpreter; return its wall-clock and CPU time, in seconds."""
    began = time.monotonic()
    _, status, usage = os.wait4(os.posix_spawn(BARE[0], BARE, {}), 0)
    assert status == 0, f"{' '.join(BARE)} ended with {status}"
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime


def cpu_counts() -> tuple[float, float]:
    """The time for which the CPUs were idle, and their whole time, since boot, in clock ticks.

    One that waits for a disk is not idle. Source: proc(5), /proc/stat: user, nice, system, idle,
    iowait, irq, softirq, steal.
    """
    with open("/proc/stat") as file:
        times = [float(word) for word in file.readline().split()[1:9]]
    return times[3], sum(times)


# The measurements of this process.
RUN = Pace()


def factor() -> float:
    """How late this machine is, at least 1."""
    return RUN.factor()


def seconds(nominal: float) -> float:
    """The time limit for what a quiet machine does within `nominal` seconds."""
    return RUN.seconds(nominal)


def is_within(took: float, nominal: float) -> bool:
    """Whether something took less than `nominal` seconds, or no longer than this machine explains.

    If not, the machine is measured again first.
    """
    return took < nominal or took < seconds(nominal) or took < nominal * RUN.measure()


def line() -> str:
    """The line that a run begins with."""
    return (
        f"pace: a process takes {factor():.1f} times its own CPU time here;"
        " time limits grow with that"
    )


def run(
    words: Sequence[str], *, timeout: float, own: float = 0.0, **options: Any
) -> subprocess.CompletedProcess[Any]:
    """As subprocess.run with captured output, without check.

    The command may take `own` seconds, which do not grow, and `timeout` seconds, which do. Raises
    subprocess.TimeoutExpired, as subprocess.run does.
    """
    given = options.pop("input", None)
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    options.setdefault("stdin", subprocess.DEVNULL if given is None else subprocess.PIPE)
    with subprocess.Popen(words, **options) as process:
        try:
            out, err = communicate(process, timeout, own, given)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def communicate(
    process: subprocess.Popen[Any], timeout: float, own: float = 0.0, given: Any = None
) -> tuple[Any, Any]:
    """As Popen.communicate, within `own` seconds and `timeout` seconds that grow."""
    limit = Limit(timeout, own)
    while True:
        try:
            return process.communicate(given, timeout=limit.left)
        except subprocess.TimeoutExpired:
            given = None  # communicate remembers what it has not yet written
            if limit.is_over():
                raise


if __name__ == "__main__":
    print(line())
