"""All processes of one instance: parent, workers, and those that left its session.

Source: proc(5), credentials(7). Standard library alone: stop runs this, a missing package must
never fail a stop, and a failed stop fences the node.
"""

from __future__ import annotations

import os

from ocf_lib.processes.procfs import SENTINEL, Seen, command_line, scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ocf_lib.processes.process import Process, Stat

# what may stand before a script's path on its command line
INTERPRETERS = ("python", "sh", "bash", "dash", "env")


class Members:
    """The processes of an instance.

    leader: the first process, None if it is dead. all: every living process, leader included, in
    order of PID. sentinels: our processes that wait for the leader's end; they are no part of the
    service.
    """

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
    started: Process | None,
    uid: int | None,
    left_running: Sequence[str] = (),
    workers: Sequence[int] = (),
) -> Members:
    """The processes of the instance `name` that live now, if we started them.

    started: the leader that start recorded. uid: the service's user, None if this host has no such
    user. left_running: programs that are no part of the instance, whoever started them. workers:
    further uids that its workers may have.

    A process belongs to the instance if it carries our marker, lies in the session of the recorded
    leader, or descends from such a process. A marker counts only if its process has an owner that
    the service has: otherwise any user could start such processes again and again, and make a stop
    fail. A process that carries the marker of another instance is never taken.
    """
    processes = scan(left_running)
    free = {pid: p for pid, p in processes.items() if p.marker in ("", name)}
    leader = None if started is None else started.alive()
    if leader is not None and leader.pid in processes and leader.pid not in free:
        started = leader = None  # recorded before a boot, on a host that keeps /run on disk
    owners = {0, uid if uid is not None else 0, started.uid if started else 0, *workers}
    own = {
        pid: p
        for pid, p in free.items()
        if p.marker == name and (uid is None or p.uid in owners) and p.is_here
    }
    if started is not None:
        if leader is not None:
            own[leader.pid] = processes.get(leader.pid) or Seen.of(leader)
        own.update(_session(free, processes.get(started.pid), started, owners))
        leader = leader or _later_leader(own)
    else:
        own.update(_same_sessions(own, free, uid))
        leader = _session_leader(own)
    _add_descendants(own, free)
    sentinels = [
        p
        for p in processes.values()
        if p.marker == SENTINEL + name and p.uid == os.geteuid() and p.is_here
    ]
    return Members(leader, own.values(), sentinels)


def find_foreign(uid: int | None, argv: Sequence[str], left_running: Sequence[str] = ()) -> Members:
    """A daemon that runs exactly `argv` as `uid` but was started by somebody else: by hand, by the
    host's init, by an older agent. left_running: as for `find`."""
    free = {pid: p for pid, p in scan(left_running).items() if not p.marker}
    own = {
        pid: p
        for pid, p in free.items()
        if _runs(p.line, argv) and (uid is None or p.uid == uid) and p.is_here
    }
    leader = _parent(own)
    _add_descendants(own, free)
    return Members(leader, own.values())


def has_workers(leader: int, everyone: Iterable[Stat]) -> bool:
    """Whether some of these processes are forks of the leader: children that run its program and,
    except for a title that one of them may have written, have its command line. Programs that the
    leader merely runs, such as qemu-img behind oslo.concurrency's prlimit, do not count."""

    own = _untitled(" ".join(command_line(leader)))
    children = (Seen.of(p) for p in everyone if p.ppid == leader)
    return bool(own) and any(_untitled(child.line) == own for child in children)


def _session(
    free: dict[int, Seen], now: Stat | None, started: Process, owners: set[int]
) -> dict[int, Seen]:
    """The processes in the session of the recorded leader. A session's number stays taken while a
    member lives; a later session of the same number has another leader (`now`: the process that has
    its PID) or other owners."""
    if now is not None and now.start != started.start:
        return {}
    return {
        pid: p
        for pid, p in free.items()
        if p.session == started.pid
        and p.start >= started.start
        and (now is not None or p.uid in owners)
    }


def _same_sessions(own: dict[int, Seen], free: dict[int, Seen], uid: int | None) -> dict[int, Seen]:
    """The processes in a session with one that start launched. start made that session for them
    alone. A parent that wrote its title over its environment has lost its marker."""
    numbers = {p.session for p in own.values()} - {0}
    return {
        pid: p
        for pid, p in free.items()
        if p.session in numbers and (uid is None or p.uid in (0, uid))
    }


def _untitled(line: str) -> str:
    """A command line without the title that the daemon wrote around it."""
    inner = line.partition("(")[2] or line.partition("[")[2]
    return inner.rstrip(")]") or line


def _runs(line: str, argv: Sequence[str]) -> bool:
    """Whether a process with the command line `line` was started as `argv`. `argv` may stand there
    alone, behind the name of an interpreter, or within a title that the daemon wrote: in
    parentheses, as in `neutron-l3-agent (/usr/bin/python3 ...)`, or in brackets, as written by
    cotyledon, the successor of oslo.service (Ceilometer, Aodh)."""
    before, found, after = line.partition(" ".join(argv))
    if not found or after not in ("", ")", "]"):
        return False
    # `tail -f` of its program, or an editor, is not the daemon
    first = os.path.basename((before.split() or [""])[0])
    is_interpreter = first.startswith(INTERPRETERS) and before.endswith(" ")
    return not before or is_interpreter or "(" in before or "[" in before


def _session_leader(own: dict[int, Seen]) -> Stat | None:
    """The living parent of those that start launched: the one that leads a session. If several do,
    they are workers in sessions of their own, whose parent is gone."""
    leading = [p for p in own.values() if p.session == p.pid and p.ppid not in own]
    return leading[0] if len(leading) == 1 else None


def _later_leader(own: dict[int, Seen]) -> Stat | None:
    """The parent of a later start that could not replace the record (a read-only file system). All
    processes lie in its session; a single process may be an orphan in a session of its own."""
    found = _session_leader(own)
    is_whole = found is not None and all(p.session == found.pid for p in own.values())
    return found if is_whole and len(own) > 1 else None


def _parent(own: dict[int, Seen]) -> Stat | None:
    """The parent of a daemon that somebody else started. If several processes have no parent among
    these, they are workers whose parent is gone."""
    heads = [p for p in own.values() if p.ppid not in own]
    return heads[0] if len(heads) == 1 else None


def _add_descendants(own: dict[int, Seen], free: dict[int, Seen]) -> None:
    children: dict[int, list[Seen]] = {}
    for process in free.values():
        children.setdefault(process.ppid, []).append(process)
    waiting = list(own)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child.pid not in own:
                own[child.pid] = child
                waiting.append(child.pid)
