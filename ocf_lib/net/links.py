"""Is a connection that was found before still there? This takes one question to the kernel about
one socket. Reading /proc/net/tcp would cost more, the more sockets the host has.

Source: sock_diag(7), linux/inet_diag.h. A request without NLM_F_DUMP looks one socket up by its
ends.
"""

from __future__ import annotations

import posix
import sys
from _socket import AF_INET, AF_INET6, SOCK_RAW, ntohs, socket

from ocf_lib.processes.process import PROC

AF_NETLINK, NETLINK_SOCK_DIAG = 16, 4
SOCK_DIAG_BY_FAMILY, REQUEST = 20, 1
TCP, ESTABLISHED = 6, 1
HEADER, ANSWER = 16, 72
ANY_STATE = NO_COOKIE = b"\xff\xff\xff\xff"


class Link:
    """One established connection that a process holds.

    pid, descriptor: the process that holds it, and under which number. inode: of the socket.
    family: AF_INET or AF_INET6. local, remote: its ends as /proc/net/tcp writes them, in
    hexadecimal digits.
    """

    __slots__ = ("descriptor", "family", "inode", "local", "pid", "remote")

    def __init__(
        self, pid: int, descriptor: int, inode: int, family: int, local: str, remote: str
    ) -> None:
        self.pid, self.descriptor, self.inode = pid, descriptor, inode
        self.family, self.local, self.remote = family, local, remote

    def __str__(self) -> str:
        return " ".join(str(getattr(self, name)) for name in ORDER)

    @classmethod
    def parse(cls, text: str) -> Link | None:
        """From the text of a link; None for any other text."""
        try:
            pid, descriptor, inode, family, local, remote = text.split()
            found = cls(int(pid), int(descriptor), int(inode), int(family), local, remote)
            found.request()
        except (ValueError, OverflowError):
            return None
        return found if found.family in (AF_INET, AF_INET6) else None

    def is_held(self) -> bool:
        """Whether the process still has this very socket, and the socket is connected. False also
        if the kernel cannot be asked, or if the process lives in another network namespace."""
        try:
            shown = posix.readlink(f"{PROC}/{self.pid}/fd/{self.descriptor}")
            if shown != f"socket:[{self.inode}]":
                return False
            kernel = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG)
        except OSError:
            return False
        try:
            kernel.settimeout(1)
            kernel.send(self.request())
            answer = kernel.recv(4096)
        except OSError:
            return False
        finally:
            kernel.close()
        return self.is_meant(answer)

    def is_meant(self, answer: bytes) -> bool:
        """Whether this answer of the kernel is about this very socket, and says that it is
        connected."""
        if len(answer) < HEADER + ANSWER or number(answer[4:6]) != SOCK_DIAG_BY_FAMILY:
            return False
        found = answer[HEADER:]
        return found[1] == ESTABLISHED and number(found[68:72]) == self.inode

    def request(self, more: int = 0) -> bytes:
        """struct inet_diag_req_v2 behind its struct nlmsghdr. more: what else the kernel should
        tell (idiag_ext). Raises ValueError for ends that are no addresses."""
        (near, near_port), (far, far_port) = _end(self.local), _end(self.remote)
        body = bytes([self.family, TCP, more, 0]) + ANY_STATE + near_port + far_port
        body += near.ljust(16, b"\0") + far.ljust(16, b"\0") + bytes(4) + NO_COOKIE + NO_COOKIE
        header = _packed(HEADER + len(body), 4) + _packed(SOCK_DIAG_BY_FAMILY, 2)
        return header + _packed(REQUEST, 2) + _packed(1, 4) + bytes(4) + body


ORDER = ("pid", "descriptor", "inode", "family", "local", "remote")


def _end(text: str) -> tuple[bytes, bytes]:
    """Address and port in network order; the kernel prints each 32-bit word of an address in the
    byte order of the host."""
    address, _, port = text.partition(":")
    words = (address[start : start + 8] for start in range(0, len(address), 8))
    return b"".join(_packed(int(word, 16), 4) for word in words), _packed(ntohs(int(port, 16)), 2)


def _packed(number: int, size: int) -> bytes:
    return number.to_bytes(size, sys.byteorder)


def number(packed: bytes) -> int:
    return int.from_bytes(packed, sys.byteorder)
