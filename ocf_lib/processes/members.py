"""All processes of one instance: parent, workers, those that left its session (cold module).

Source: proc(5), credentials(7). Standard library alone: stop runs this, and a missing package must
never fail a stop, because a failed stop fences the node.
"""

from __future__ import annotations

import contextlib
import os

from ocf_lib.instance import MARKER
from ocf_lib.processes.process import PROC, Stat, stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ocf_lib.state.record import Record

# before the instance's name, in the marker of the process that waits for the daemon's end
SENTINEL = "sentinel of "
# what may stand before a script's path on its command line
INTERPRETERS = ("python", "sh", "bash", "dash", "env")


class Members:
    """leader: the first process, None when it is dead. all: every living process, leader included,
    in order of PID. sentinels: processes of ours that wait for the leader's end; they are no part
    of the service."""

    def __init__(
        self, leader: Stat | None, everyone: Iterable[Stat], sentinels: Iterable[Stat] = ()
    ) -> None:
        self.leader, self.sentinels = leader, list(sentinels)
        self.all = sorted(everyone, key=lambda process: process.pid)

    def __bool__(self) -> bool:
        return bool(self.all)

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self.all]

    def __str__(self) -> str:
        shown = ", ".join(str(pid) for pid in self.pids[:8])
        noun = "process" if len(self.all) == 1 else "processes"
        return f"{len(self.all)} {noun} (PID {shown}{', ...' if len(self.all) > 8 else ''})"


def find(
    name: str,
    record: Record | None,
    uid: int | None,
    left_running: Sequence[str] = (),
    workers: Sequence[int] = (),
) -> Members:
    """The processes of the instance `name` that live now, as far as we started them.

    record: what start left. uid: of the service's user, None where there is no such user here.
    spares: programs that are no part of it, whoever started them. workers: uids that its workers
    may have beside that.

    A process belongs to the instance when it carries our marker, lies in the session of the
    recorded leader, or descends from one that does. A marker counts only with the owner that the
    service has: any other user could else keep such processes coming and so fail a stop. Nothing
    that carries another instance's marker is ever taken.
    """
    processes = scan(left_running)
    markers = {pid: read_marker(pid) for pid in processes}
    free = {pid: p for pid, p in processes.items() if markers[pid] in ("", name)}
    leader = None if record is None else record.leader.alive()
    if leader is not None and markers.get(leader.pid, "") not in ("", name):
        record = leader = None  # from before a boot, where state is kept on a disk
    owners = {0, uid if uid is not None else 0, record.leader.uid if record else 0, *workers}
    own = {
        pid: p
        for pid, p in free.items()
        if markers[pid] == name and (uid is None or owner(pid) in owners) and is_here(pid)
    }
    if record is not None:
        if leader is not None:
            own[leader.pid] = leader
        own.update(_session(free, processes.get(record.leader.pid), record, owners))
        leader = leader or _later_leader(own)
    else:
        own.update(_same_sessions(own, free, uid))
        leader = _session_leader(own)
    _add_descendants(own, free)
    sentinels = [
        p
        for pid, p in processes.items()
        if markers[pid] == SENTINEL + name and owner(pid) == os.geteuid() and is_here(pid)
    ]
    return Members(leader, own.values(), sentinels)


def find_foreign(uid: int | None, argv: Sequence[str], left_running: Sequence[str] = ()) -> Members:
    """A daemon that runs just `argv` as `uid` but was started by somebody else: by hand, by the
    host's init, by an agent before this one. spares: as for `find`."""
    processes = scan(left_running)
    free = {pid: p for pid, p in processes.items() if not read_marker(pid)}
    own = {
        pid: p
        for pid, p in free.items()
        if _runs(pid, argv) and (uid is None or owner(pid) == uid) and is_here(pid)
    }
    leader = _parent(own)
    _add_descendants(own, free)
    return Members(leader, own.values())


def scan(left_running: Sequence[str] = ()) -> dict[int, Stat]:
    """Every living process that we see, but this one and those that run a program of `spares`, by
    PID."""
    found = (stat(int(name)) for name in os.listdir(PROC) if name.isdecimal())
    living = (p for p in found if p is not None and p.is_alive and p.pid != os.getpid())
    return {
        p.pid: p
        for p in living
        if not (left_running and programs(p.pid).intersection(left_running))
    }


def has_workers(leader: int, everyone: Iterable[Stat]) -> bool:
    """Some of these are forks of the leader: children that run its program and have, but for the
    title that one of them may have written, its command line. Programs that it merely runs, as
    qemu-img behind oslo.concurrency's prlimit, are none."""

    def line(pid: int) -> str:
        shown = " ".join(command_line(pid))
        titled = shown.partition("(")[2] or shown.partition("[")[2]
        return titled.rstrip(")]") or shown

    own = line(leader)
    return any(p.ppid == leader and own and line(p.pid) == own for p in everyone)


def programs(pid: int) -> set[str]:
    """Names of what the process runs: its executable, and the script, where that interprets one."""
    first, *rest = command_line(pid)
    script = [word for word in rest if not word.startswith("-")][:1]
    paths = [word.partition(" ")[0] for word in (first, *script)]
    with contextlib.suppress(OSError):
        paths.append(os.readlink(f"{PROC}/{pid}/exe").partition(" ")[0])
    return {path.rpartition("/")[2] for path in paths}


def read_marker(pid: int) -> str:
    """The name of the instance that the process was started for, "" for none."""
    for line in _read(pid, "environ").split(b"\0"):
        if line.startswith(MARKER.encode() + b"="):
            return line.partition(b"=")[2].decode("utf-8", "replace")
    return ""


def owner(pid: int) -> int | None:
    """The real uid, which the owner of /proc/PID is not for a process that may not dump."""
    for line in _read(pid, "status").splitlines():
        if line.startswith(b"Uid:"):
            return int(line.split()[1])
    return None


def is_here(pid: int) -> bool:
    """In our own PID namespace. From a host one sees the processes of its containers, in which a
    cluster of their own may run an instance of the same name."""
    try:
        return os.readlink(f"{PROC}/{pid}/ns/pid") == os.readlink(f"{PROC}/self/ns/pid")
    except OSError:
        return False


def command_line(pid: int) -> list[str]:
    """Its words as they stand now; a daemon may have written a title over them."""
    return _read(pid, "cmdline").decode("utf-8", "replace").rstrip("\0 ").split("\0")


def _session(
    free: dict[int, Stat], now: Stat | None, record: Record, owners: set[int]
) -> dict[int, Stat]:
    """Those in the leader's session. Its number stays taken while a member lives; a later session
    of the same number has another leader (`now`: who has its PID), or other owners."""
    if now is not None and now.start != record.leader.start:
        return {}
    return {
        pid: p
        for pid, p in free.items()
        if p.session == record.leader.pid
        and p.start >= record.leader.start
        and (now is not None or owner(pid) in owners)
    }


def _same_sessions(own: dict[int, Stat], free: dict[int, Stat], uid: int | None) -> dict[int, Stat]:
    """Those in a session with one that start launched, which made the session for them alone: a
    parent that wrote its title over its environment has no marker any more."""
    numbers = {p.session for p in own.values()} - {0}
    return {
        pid: p
        for pid, p in free.items()
        if p.session in numbers and (uid is None or owner(pid) in (0, uid))
    }


def _runs(pid: int, argv: Sequence[str]) -> bool:
    """The process was started with this command line: as it is, behind an interpreter's name, or
    within a title that the daemon wrote: `neutron-l3-agent (/usr/bin/python3 ...)`, and in brackets
    those of oslo.service's successor, cotyledon (Ceilometer, Aodh)."""
    line = " ".join(command_line(pid))
    before, found, after = line.partition(" ".join(argv))
    if not found or after not in ("", ")", "]"):
        return False
    # `tail -f` of its program, or an editor, is not the daemon
    first = os.path.basename((before.split() or [""])[0])
    is_interpreter = first.startswith(INTERPRETERS) and before.endswith(" ")
    return not before or is_interpreter or "(" in before or "[" in before


def _session_leader(own: dict[int, Stat]) -> Stat | None:
    """The parent of those that start launched, where it lives: the one that leads a session.
    Several that do are workers in sessions of their own, whose parent is gone."""
    leading = [p for p in own.values() if p.session == p.pid and p.ppid not in own]
    return leading[0] if len(leading) == 1 else None


def _later_leader(own: dict[int, Stat]) -> Stat | None:
    """The parent of a start that could not replace the record of the one before it (a read-only
    file system). All lie in its session; one alone may be an orphan in a session of its own."""
    found = _session_leader(own)
    is_whole = found is not None and all(p.session == found.pid for p in own.values())
    return found if is_whole and len(own) > 1 else None


def _parent(own: dict[int, Stat]) -> Stat | None:
    """The parent of a daemon that somebody else started. Workers without one have several heads."""
    heads = [p for p in own.values() if p.ppid not in own]
    return heads[0] if len(heads) == 1 else None


def _add_descendants(own: dict[int, Stat], free: dict[int, Stat]) -> None:
    children: dict[int, list[Stat]] = {}
    for process in free.values():
        children.setdefault(process.ppid, []).append(process)
    waiting = list(own)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child.pid not in own:
                own[child.pid] = child
                waiting.append(child.pid)


def _read(pid: int, name: str) -> bytes:
    try:
        with open(f"{PROC}/{pid}/{name}", "rb", 0) as file:
            return file.read(1 << 20)
    except OSError:
        return b""
