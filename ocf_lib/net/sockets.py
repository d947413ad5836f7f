"""Which TCP sockets do these processes hold?

Source: proc_net_tcp of the kernel's documentation; proc(5), /proc/PID/fd.
"""

from __future__ import annotations

import os
import sys
from _socket import AF_INET, AF_INET6, inet_ntop

from ocf_lib.net.links import Link
from ocf_lib.processes.process import PROC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

ESTABLISHED, LISTEN = b"01", b"0A"
# A socket on all addresses is asked on loopback.
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def listening(pids: Iterable[int]) -> list[tuple[str, int]]:
    """(address, port) of each listening socket that one of the processes holds, IPv4 first, by
    port. A port that merely answers may belong to another program; these ports do not."""
    found = set()
    for pid in pids:
        held = _inodes(pid)
        found |= {
            (family, WILDCARDS.get(address, address), port)
            for family, local, _, _ in (_rows(pid, LISTEN, held) if held else ())
            for address, port in [_end(family, local.decode())]
        }
    return [(address, port) for _, address, port in sorted(found, key=lambda s: (s[0], s[2], s[1]))]


def is_connected(pids: Iterable[int], ports: Iterable[int]) -> bool:
    """One of the processes holds an established connection to one of these ports."""
    return connection(pids, ports) is not None


def connection(pids: Iterable[int], ports: Iterable[int]) -> Link | None:
    """An established connection to one of these ports that one of the processes holds."""
    wanted = set(ports)
    return next((link for link in connections(pids) if peer_of(link)[1] in wanted), None)


def connections(pids: Iterable[int]) -> Iterator[Link]:
    """Each established connection that one of the processes holds."""
    for pid in pids:
        held = _inodes(pid)
        for family, local, remote, inode in _rows(pid, ESTABLISHED, held) if held else ():
            ends = local.decode(), remote.decode()
            yield Link(pid, int(held[inode]), int(inode), family, *ends)


def peer_of(link: Link) -> tuple[str, int]:
    """Address and port of its other end."""
    return _end(link.family, link.remote)


def port_of(link: Link) -> int:
    """Its own port."""
    return _end(link.family, link.local)[1]


def _inodes(pid: int) -> dict[bytes, str]:
    """The descriptor of each socket that the process holds, by inode."""
    folder = f"{PROC}/{pid}/fd"
    found = {}
    try:
        for name in os.listdir(folder):
            target = os.readlink(f"{folder}/{name}")
            if target.startswith("socket:["):
                found[target[8:-1].encode()] = name
    except OSError:
        pass  # it ended meanwhile
    return found


def _rows(
    pid: int, state: bytes, held: Container[bytes]
) -> Iterator[tuple[int, bytes, bytes, bytes]]:
    """(family, local end, remote end, inode) of each TCP socket in this state whose inode is in
    `held`. The others in the process's network namespace, perhaps thousands, are not parsed."""
    for family, name in ((AF_INET, "tcp"), (AF_INET6, "tcp6")):
        try:
            with open(f"{PROC}/{pid}/net/{name}", "rb") as file:
                rows = file.readlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split(None, 10)
            if fields[3] == state and fields[9] in held:
                yield family, fields[1], fields[2], fields[9]


def _end(family: int, text: str) -> tuple[str, int]:
    address, _, port = text.partition(":")
    return _address(family, address), int(port, 16)


def _address(family: int, text: str) -> str:
    """The kernel prints each 32-bit word in the byte order of the host."""
    words = (text[start : start + 8] for start in range(0, len(text), 8))
    packed = b"".join(int(word, 16).to_bytes(4, sys.byteorder) for word in words)
    if family == AF_INET6 and packed.startswith(b"\0" * 10 + b"\xff\xff"):
        return inet_ntop(AF_INET, packed[12:])
    return inet_ntop(family, packed)
