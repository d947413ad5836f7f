"""TCP sockets of a process in another network namespace; psutil sees only our own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

# States of a socket in /proc/PID/net/tcp (proc(5), net/tcp_states.h).
ESTABLISHED, LISTEN = "01", "0A"


def listening(pid: int) -> set[int]:
    """The ports on which the process listens."""
    return {local for local, _, state in _sockets(pid) if state == LISTEN}


def held(pid: int, port: int) -> int:
    """How many connections to this port of a server the process holds."""
    return sum(remote == port and state == ESTABLISHED for _, remote, state in _sockets(pid))


def is_used(pid: int, port: int) -> bool:
    """Whether any process listens on this port in the namespace of process `pid`."""
    return any(local == port and state == LISTEN for local, _, state, _ in _table(pid))


def _sockets(pid: int) -> Iterator[tuple[int, int, str]]:
    own = set(_inodes(pid))
    return ((local, remote, state) for local, remote, state, inode in _table(pid) if inode in own)


def _inodes(pid: int) -> Iterable[str]:
    with suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                target = os.readlink(f"/proc/{pid}/fd/{name}")
                if target.startswith("socket:["):
                    yield target[8:-1]


def _table(pid: int) -> Iterator[tuple[int, int, str, str]]:
    """Local port, remote port, state and inode of each socket."""
    for name in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]:
                words = line.split()
                local, remote = (int(word.rpartition(":")[2], 16) for word in words[1:3])
                yield local, remote, words[3], words[9]
