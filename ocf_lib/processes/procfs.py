"""What /proc says of a process: program, command line, owner, and the marker that start gave it.

Source: proc(5), credentials(7), pid_namespaces(7).
"""

from __future__ import annotations

import contextlib
import functools
import os

from ocf_lib.processes.process import PROC, Stat, stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# In the environment of every process that start launches: AGENT/INSTANCE, and no secret.
MARKER = "OPENSTACK_OCF_INSTANCE"
# Stands before AGENT/INSTANCE in the marker of the process that waits for the daemon's end.
SENTINEL = "sentinel of "


class Seen(Stat):
    """A living process, with the rest of what /proc says about it. Each fact is read when it is
    first needed."""

    @classmethod
    def of(cls, found: Stat) -> Seen:
        return cls(found.pid, found.state, found.ppid, found.session, found.start)

    @functools.cached_property
    def marker(self) -> str:
        """The name of the instance that it was started for, "" for none."""
        return read_marker(self.pid)

    @functools.cached_property
    def uid(self) -> int | None:
        """Its real uid, None if it has ended."""
        return owner(self.pid)

    @functools.cached_property
    def line(self) -> str:
        """Its command line, as it stands now."""
        return " ".join(command_line(self.pid))

    @functools.cached_property
    def is_here(self) -> bool:
        """In our own PID namespace."""
        return is_here(self.pid)


def scan(left_running: Sequence[str] = ()) -> dict[int, Seen]:
    """Every living process that we see, by PID, except this one and those that run one of the
    programs `left_running`."""
    found = (stat(int(name)) for name in os.listdir(PROC) if name.isdecimal())
    living = [p for p in found if p is not None and p.is_alive and p.pid != os.getpid()]
    if left_running:
        living = [p for p in living if programs(p.pid).isdisjoint(left_running)]
    return {p.pid: Seen.of(p) for p in living}


def programs(pid: int) -> set[str]:
    """Names of what the process runs: its executable and, if that is an interpreter, the script."""
    first, *rest = command_line(pid)
    script = [word for word in rest if not word.startswith("-")][:1]
    paths = [word.partition(" ")[0] for word in (first, *script)]
    with contextlib.suppress(OSError):
        paths.append(os.readlink(f"{PROC}/{pid}/exe").partition(" ")[0])
    return {path.rpartition("/")[2] for path in paths}


def command_line(pid: int) -> list[str]:
    """Its words as they stand now; a daemon may have written a title over them."""
    return _read(pid, "cmdline").decode("utf-8", "replace").rstrip("\0 ").split("\0")


def read_marker(pid: int) -> str:
    """The name of the instance that the process was started for, "" for none."""
    for line in _read(pid, "environ").split(b"\0"):
        if line.startswith(MARKER.encode() + b"="):
            return line.partition(b"=")[2].decode("utf-8", "replace")
    return ""


def owner(pid: int) -> int | None:
    """The real uid. The owner of /proc/PID is root for a process that may not dump core."""
    for line in _read(pid, "status").splitlines():
        if line.startswith(b"Uid:"):
            return int(line.split()[1])
    return None


def is_here(pid: int) -> bool:
    """In our own PID namespace. A host sees the processes of its containers, in which a cluster of
    their own may run an instance of the same name."""
    try:
        return os.readlink(f"{PROC}/{pid}/ns/pid") == os.readlink(f"{PROC}/self/ns/pid")
    except OSError:
        return False


def _read(pid: int, name: str) -> bytes:
    try:
        with open(f"{PROC}/{pid}/{name}", "rb", 0) as file:
            return file.read(1 << 20)
    except OSError:
        return b""
