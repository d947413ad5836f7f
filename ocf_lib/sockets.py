"""Which TCP sockets do these processes listen on? (proc_net_tcp of the kernel's documentation)"""

from __future__ import annotations

import os
import sys
from _socket import AF_INET, AF_INET6, inet_ntop

from ocf_lib.process import PROC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LISTEN = b"0A"
# A socket on all addresses is asked on loopback.
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def listening(pids: Iterable[int]) -> list[tuple[str, int]]:
    """(address, port) of each listening socket that one of the processes holds, IPv4 first, by
    port. Only these: a port that answers may be somebody else's."""
    found = set()
    for pid in pids:
        held = set(_inodes(pid))
        found |= {
            (family, WILDCARDS.get(address, address), port)
            for family, address, port, inode in (_listeners(pid) if held else ())
            if inode in held
        }
    return [(address, port) for _, address, port in sorted(found, key=lambda s: (s[0], s[2], s[1]))]


def _inodes(pid: int) -> Iterator[bytes]:
    folder = f"{PROC}/{pid}/fd"
    try:
        for name in os.listdir(folder):
            target = os.readlink(f"{folder}/{name}")
            if target.startswith("socket:["):
                yield target[8:-1].encode()
    except OSError:
        return  # it ended while we looked


def _listeners(pid: int) -> Iterator[tuple[int, str, int, bytes]]:
    for family, name in ((AF_INET, "tcp"), (AF_INET6, "tcp6")):
        try:
            with open(f"{PROC}/{pid}/net/{name}", "rb") as file:
                rows = file.readlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split(None, 10)
            if fields[3] == LISTEN:
                address, _, port = fields[1].decode().partition(":")
                yield family, _address(family, address), int(port, 16), fields[9]


def _address(family: int, text: str) -> str:
    """The kernel prints each 32-bit word in the byte order of the host."""
    words = (text[start : start + 8] for start in range(0, len(text), 8))
    packed = b"".join(int(word, 16).to_bytes(4, sys.byteorder) for word in words)
    if family == AF_INET6 and packed.startswith(b"\0" * 10 + b"\xff\xff"):
        return inet_ntop(AF_INET, packed[12:])
    return inet_ntop(family, packed)
