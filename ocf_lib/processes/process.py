"""Which process is it? PID, start time, owner and executable, never a PID alone (hot module).

Source: proc(5). A process keeps its PID and start time through every exec; its command line is no
identity, because neutron and others write their own title over it.
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
        """A zombie holds no port and does no work: it is dead, whoever forgot to reap it."""
        return self.state not in "ZXx"

    @property
    def is_working(self) -> bool:
        """Neither dead nor frozen."""
        return self.is_alive and not self.is_frozen

    @property
    def is_frozen(self) -> bool:
        """Stopped by a signal (SIGSTOP). A tracer's stop ("t") is not meant: strace passes by."""
        return self.state == "T"


def stat(pid: int) -> Stat | None:
    """What runs under this PID now, zombies included; None where nothing does."""
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
    """Whether a child of the process lives, and is not frozen; None where the kernel does not tell
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

    start: as in Stat. uid: its owner, UNKNOWN while it may still change. exe: its executable, ""
    while it may still change (a wrapper script execs the daemon).
    """

    __slots__ = ("exe", "pid", "start", "uid")

    def __init__(self, pid: int, start: int, uid: int = UNKNOWN, exe: str = "") -> None:
        self.pid, self.start, self.uid, self.exe = pid, start, uid, exe

    @classmethod
    def of(cls, process: Stat) -> Process:
        """The process as it is now. Raises OSError when it is gone, or not ours to see."""
        return cls(process.pid, process.start, _owner(process.pid), _executable(process.pid))

    def alive(self) -> Stat | None:
        """The process, or None when it is dead or its PID is another's now.

        Raises PermissionError where the caller may not look.
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


class Ending:
    """How a daemon is ended. signal: what asks it to. patience: after how many seconds SIGKILL
    follows; 0 for a share of what the action's timeout leaves."""

    __slots__ = ("patience", "signal")

    def __init__(self, signal: int, patience: int) -> None:
        self.signal, self.patience = signal, patience


class Reloading:
    """How a daemon is made to re-read its configuration. signal: what asks it to, 0 where nothing
    does. renews: it replaces its workers, of which it then has one at least."""

    __slots__ = ("replaces_workers", "signal")

    def __init__(self, signal: int, replaces_workers: bool) -> None:
        self.signal, self.replaces_workers = signal, replaces_workers


def _owner(pid: int) -> int:
    return posix.stat(f"{PROC}/{pid}").st_uid


def _executable(pid: int) -> str:
    # an upgrade of the package leaves " (deleted)" behind the name; the process is the same
    return posix.readlink(f"{PROC}/{pid}/exe").removesuffix(" (deleted)")
