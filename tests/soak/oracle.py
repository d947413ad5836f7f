"""The real state of the instances, from psutil, /proc and the daemons' own journals. Nothing here
asks the library."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import psutil

from ocf_lib.processes.procfs import MARKER
from tests.soak.site import WELL, Member, Site

# A sentinel's marker begins with this, before the name of the instance.
SENTINEL = "sentinel of "
WORKERS = 2


class Sight(NamedTuple):
    """The processes of an instance at one moment, as PIDs.

    loads: not all workers are forked, or a process has not yet told the journal what it is.
    is_connected: a process is connected to the broker.
    """

    parents: frozenset[int]
    workers: frozenset[int]
    frozen: frozenset[int]
    loads: bool
    is_connected: bool

    def __str__(self) -> str:
        def shown(pids: frozenset[int]) -> str:
            return ",".join(f"{pid}{'*' if pid in self.frozen else ''}" for pid in sorted(pids))

        connected = ", connected" if self.is_connected else ""
        loading = ", loading" if self.loads else ""
        return f"parent {shown(self.parents) or '-'}, workers {shown(self.workers) or '-'}" + (
            connected + loading
        )


def look(site: Site, member: Member) -> Sight:
    """Return this instance's processes now, and update what `member` remembers of them."""
    found: dict[int, str] = {}
    ports: set[int] = set()
    for process in member.rig.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            found[process.pid] = process.status()
            if not member.has_api:
                ports |= {
                    link.raddr.port
                    for link in process.connections("tcp4")
                    if link.status == psutil.CONN_ESTABLISHED
                }
    parents = set(found).intersection(member.rig.born("parent"))
    workers = set(found).intersection(member.rig.born("worker"))
    frozen = {pid for pid, status in found.items() if status == psutil.STATUS_STOPPED}
    unknown = set(found) - parents - workers
    # a parent that was frozen before it could write to the journal
    parents |= {pid for pid in unknown & frozen if _leads(pid)}
    unknown -= parents
    loads = bool(unknown - frozen) or (bool(parents - frozen) and _is_forking(member))
    sight = Sight(
        frozenset(parents),
        frozenset(workers),
        frozenset(frozen),
        loads,
        site.near.broker.port in ports,
    )
    _note(site, member, sight)
    return sight


def _leads(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        return os.getsid(pid) == pid
    return False


def _is_forking(member: Member) -> bool:
    born = [line.split()[1] for line in member.rig.journal if line.startswith("born ")]
    since = born[::-1].index("parent") if "parent" in born else 0
    return since < WORKERS


def _note(site: Site, member: Member, sight: Sight) -> None:
    journal = member.rig.notes / "journal"
    if not sight.parents and not sight.workers and not sight.loads and journal.exists():
        # its PIDs are free, and may be reused
        journal.unlink()
    parent = min(sight.parents, default=None)
    if parent != member.parent:
        member.parent, member.knows_workers = parent, False
    record = _record(member)
    is_of_it = f"pid={parent}" in record
    member.is_misled = "patience=" in "".join(record) and not is_of_it
    if is_of_it and "workers=1" in record:
        member.knows_workers = True
    is_missing = not sight.is_connected and site.states["broker"] == WELL
    if not is_missing or not sight.parents:
        member.unconnected = None
    elif member.unconnected is None:
        member.unconnected = time.monotonic()


def _record(member: Member) -> list[str]:
    try:
        return member.rig.file("record").read_text(errors="replace").splitlines()
    except OSError:
        return []


def strays(site: Site, running: Collection[Member]) -> list[str]:
    """The site's living processes that belong to no instance in `running`.

    These are daemons, agents that nobody waited for, sentinels of instances that do not run, and
    second sentinels of one instance. running: the instances that the agents report as running.
    """
    tracked = {process.pid for member in running for process in member.rig.processes()}
    beside = {each.pid for group in site.bystanders for each in group.all}
    us = {os.getpid(), *(process.pid for process in psutil.Process().parents())}
    markers = [member.marker for member in site.members.values()]
    ours = {f"{MARKER}={beginning}{marker}" for beginning in ("", SENTINEL) for marker in markers}
    unwatched = {f"{MARKER}={SENTINEL}{member.marker}" for member in running}
    found = []
    for pid in sorted(set(psutil.pids()) - tracked - beside - us):
        line, environment = _read(pid, "cmdline"), _read(pid, "environ")
        watched = unwatched.intersection(environment)
        unwatched -= watched
        is_ours = ours.intersection(environment) or str(site.folder) in " ".join(line + environment)
        if is_ours and not watched:
            found.append(f"PID {pid} ({' '.join(line)[:80]})")
    return found


def watchers(member: Member) -> list[int]:
    """The PIDs of the instance's sentinels."""
    marker = f"{MARKER}={SENTINEL}{member.marker}"
    return [pid for pid in psutil.pids() if marker in _read(pid, "environ")]


def _read(pid: int, name: str) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return []
    return text.decode("utf-8", "replace").rstrip("\0").split("\0")
