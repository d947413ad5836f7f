"""Which process is it? PID, start time, owner and executable, never a PID alone.

Source: proc(5). A process keeps its PID and start time through every exec. Its command line does
not identify it, because neutron and others write their own title over it.
"""

from __future__ import annotations

import posix

PROC = "/proc"
UNKNOWN = -1


class Stat:
    """What /proc/PID/stat says. start: clock ticks since the boot of the host."""

    __slots__ = ("pid", "ppid", "session", "start", "state")

    def __init__(self, pid: int, state: str, ppid: int, session: int, start: int) -> None:
        self.pid, self.state, self.ppid, self.session, self.start = pid, state, ppid, session, start

    @property
    def is_alive(self) -> bool:
        """A zombie holds no port and does no work: it counts as dead, even if nobody reaps it."""
        return self.state not in "ZXx"

    @property
    def is_working(self) -> bool:
        """Neither dead nor frozen."""
        return self.is_alive and not self.is_frozen

    @property
    def is_frozen(self) -> bool:
        """Stopped by a signal (SIGSTOP). A tracer's stop ("t") does not count: strace ends soon."""
        return self.state == "T"


def stat(pid: int) -> Stat | None:
    """What runs under this PID now, zombies included; None if nothing does."""
    try:
        with open(f"{PROC}/{pid}/stat", "rb", 0) as file:
            text = file.read(4096)
    except OSError:
        return None
    if not text:
        return None
    # the name, in parentheses, may hold blanks and parentheses itself
    fields = text[text.rindex(b")") + 2 :].split()
    return Stat(pid, fields[0].decode(), int(fields[1]), int(fields[3]), int(fields[19]))


def has_working_child(pid: int) -> bool | None:
    """Whether a child of the process lives and is not frozen; None if the kernel does not tell
    (CONFIG_PROC_CHILDREN)."""
    try:
        with open(f"{PROC}/{pid}/task/{pid}/children", "rb", 0) as file:
            children = file.read(4096).split()
    except OSError:
        return None
    found = map(stat, map(int, children))
    return any(child is not None and child.is_working for child in found)


class Process:
    """One process for as long as it lives.

    start: as in Stat. uid: its owner, UNKNOWN while it may still change. exe: its executable, empty
    while it may still change (a wrapper script execs the daemon).
    """

    __slots__ = ("exe", "pid", "start", "uid")

    def __init__(self, pid: int, start: int, uid: int = UNKNOWN, exe: str = "") -> None:
        self.pid, self.start, self.uid, self.exe = pid, start, uid, exe

    @classmethod
    def of(cls, found: Stat) -> Process:
        """The process as it is now. Raises OSError if it is gone, or if we may not look at it."""
        return cls(found.pid, found.start, _owner(found.pid), _executable(found.pid))

    def alive(self) -> Stat | None:
        """The process, or None if it is dead or another process has its PID now.

        Raises PermissionError if the caller may not look.
        """
        found = stat(self.pid)
        if found is None or found.start != self.start or not found.is_alive:
            return None
        try:
            if self.uid != UNKNOWN and _owner(self.pid) != self.uid:
                return None
            if self.exe and _executable(self.pid) != self.exe:
                return None
        except (FileNotFoundError, ProcessLookupError):
            return None
        return found


def _owner(pid: int) -> int:
    return posix.stat(f"{PROC}/{pid}").st_uid


def _executable(pid: int) -> str:
    # an upgrade of the package adds " (deleted)" to the name; the process is the same
    return posix.readlink(f"{PROC}/{pid}/exe").removesuffix(" (deleted)")
