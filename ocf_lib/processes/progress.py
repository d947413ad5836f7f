"""Do processes make progress? For each of their threads, and for all threads of a process together:
how long did they run, wait for a CPU, and wait for a disk?

Together, because threads may take turns: of those that share Python's global interpreter lock, each
sleeps for most of the time, although the process works without a pause.

Source: proc(5) for the state of a thread and for delayacct_blkio_ticks; the kernel's
Documentation/scheduler/sched-stats.rst for schedstat, whose times are nanoseconds. The kernel adds
a wait for a CPU to schedstat only when it is over, and counts waits for a disk only with
kernel.task_delayacct=1 (off by default since Linux 5.14). The state at each look fills both gaps.
A thread that is found runnable while it wakes for a moment must not count as one that waits: its
wait counts from the look at which it began, while nothing else happens to it.
"""

from __future__ import annotations

import posix
from time import monotonic

from ocf_lib.processes.process import PROC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# Fields of /proc/PID/task/TID/stat after the thread's name: utime, stime, delayacct_blkio_ticks.
UTIME, STIME, BLKIO = 11, 12, 39
# The same of a process whose parent has waited for it; in the parent's stat.
CHILD_UTIME, CHILD_STIME = 13, 14


class Times:
    """Seconds in which a thread did something: ran on a CPU, waited for a CPU, waited for a
    disk."""

    __slots__ = ("blocked", "ran", "waited")

    def __init__(self, ran: float = 0.0, waited: float = 0.0, blocked: float = 0.0) -> None:
        self.ran, self.waited, self.blocked = ran, waited, blocked

    @property
    def total(self) -> float:
        return self.ran + self.waited + self.blocked


class _Thread:
    """One thread while it is watched. pid: its process. first, last: what the kernel counted.
    waiting: seconds of a wait for a CPU that still lasts. blocked: seconds for which looks saw it
    wait for a disk."""

    __slots__ = ("blocked", "first", "last", "pid", "state", "waiting")

    def __init__(self, first: Times, pid: int = 0) -> None:
        self.first = self.last = first
        self.pid = pid
        self.state = ""
        self.waiting = self.blocked = 0.0

    def see(self, state: str, counted: Times, gap: float) -> None:
        """state: now. gap: seconds since the last look."""
        is_same = state == self.state and counted.ran == self.last.ran
        self.waiting = self.waiting + gap if is_same and state == "R" else 0.0
        if state == "D":
            self.blocked += gap
        self.state, self.last = state, counted

    def times(self, watched: float) -> Times:
        """What it did in the `watched` seconds."""
        ran = max(0.0, min(watched, self.last.ran - self.first.ran))
        waited = self.last.waited - self.first.waited + self.waiting
        blocked = max(self.last.blocked - self.first.blocked, self.blocked)
        waited = min(waited, watched - ran)
        return Times(ran, waited, min(blocked, watched - ran - waited))


class Progress:
    """Watches processes from its first look to its last. seconds: between these.

    by_state: their state at each look counts, too. Not for the process that looks: it runs then.
    """

    def __init__(self, by_state: bool = True) -> None:
        self.by_state = by_state
        self.begun = self.looked = 0.0
        self._threads: dict[int, _Thread] = {}

    @property
    def seconds(self) -> float:
        return self.looked - self.begun

    def look(self, pids: Iterable[int]) -> None:
        """Look at all threads of these processes. What a process did before the first look does not
        count, unless it began after that."""
        now = monotonic()
        is_first = not self.begun
        gap = 0.0 if is_first else now - self.looked
        for pid in pids:
            for number in _threads_of(pid):
                seen = _look_at(pid, number)
                if seen is None:
                    continue
                state, counted = seen
                known = self._threads.get(number)
                if known is None:
                    known = _Thread(counted if is_first else Times(), pid)
                    self._threads[number] = known
                known.see(state if self.by_state else "", counted, gap)
        self.begun, self.looked = self.begun or now, now

    @property
    def times(self) -> list[Times]:
        """What each thread did, the one that slept least first. One thread serves a request, while
        others may do nothing."""
        found = [thread.times(self.seconds) for thread in self._threads.values()]
        return sorted(found, key=lambda times: times.total, reverse=True)

    @property
    def process_times(self) -> list[Times]:
        """What the threads of each process did together, the process that slept least first. They
        did no more than one that never slept. Waits for a disk are those of one thread."""
        threads: dict[int, list[Times]] = {}
        for thread in self._threads.values():
            threads.setdefault(thread.pid, []).append(thread.times(self.seconds))
        found = [_together(each, self.seconds) for each in threads.values()]
        return sorted(found, key=lambda times: times.total, reverse=True)


def _together(threads: list[Times], watched: float) -> Times:
    ran = sum(each.ran for each in threads)
    waited = sum(each.waited for each in threads)
    share = min(1.0, watched / (ran + waited)) if ran + waited else 1.0
    blocked = max(each.blocked for each in threads)
    return Times(ran * share, waited * share, min(blocked, watched - (ran + waited) * share))


def _threads_of(pid: int) -> list[int]:
    try:
        return [int(name) for name in posix.listdir(f"{PROC}/{pid}/task")]
    except OSError:
        return []


def _look_at(pid: int, number: int) -> tuple[str, Times] | None:
    """The state of one thread and what the kernel has counted; None if it has ended."""
    folder = f"{PROC}/{pid}/task/{number}"
    text = _read(folder + "/stat")
    if not text:
        return None
    fields = text[text.rindex(b")") + 2 :].split()
    tick = 1 / posix.sysconf("SC_CLK_TCK")
    blocked = int(fields[BLKIO]) * tick if len(fields) > BLKIO else 0.0
    counted = _read(folder + "/schedstat").split()
    if len(counted) >= 2:
        ran, waited = (int(number) / 1e9 for number in counted[:2])
    else:
        # a kernel without CONFIG_SCHED_INFO
        ran, waited = (int(fields[UTIME]) + int(fields[STIME])) * tick, 0.0
    if number == pid:
        # programs that it ran one after the other, each for too short a time to be seen
        ran += (int(fields[CHILD_UTIME]) + int(fields[CHILD_STIME])) * tick
    return fields[0].decode(), Times(ran, waited, blocked)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", 0) as file:
            return file.read(4096)
    except OSError:
        return b""
