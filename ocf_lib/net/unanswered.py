"""On which connections has a process asked, and got no answer yet?

Source: sock_diag(7), linux/inet_diag.h (INET_DIAG_INFO); linux/tcp.h, struct tcp_info:
tcpi_backoff, tcpi_last_data_sent and tcpi_last_data_recv, in milliseconds.
"""

from __future__ import annotations

from _socket import AF_NETLINK, SOCK_RAW, socket

from ocf_lib.net import links, sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from ocf_lib.net.links import Link

INET_DIAG_INFO = 2
# Of a netlink attribute: the bytes of its length and type, which come first, and what its whole
# length is rounded up to.
ATTRIBUTE = ALIGNED = 4
# Offsets in struct tcp_info.
BACKOFF, LAST_SENT, LAST_RECEIVED = 4, 44, 52


class Question:
    """Asked so many seconds ago, and not answered yet. place: whom, as address:port."""

    def __init__(self, place: str, seconds: float) -> None:
        self.place, self.seconds = place, seconds


def longest(pids: Iterable[int], within: float, ignored: Container[int] = ()) -> Question | None:
    """The oldest question that these processes have asked within so many seconds, and to which they
    have no answer yet; None for none. ignored: ports of peers that are never asked anything.

    A peer that does not even acknowledge what was sent is gone, and owes nothing.
    """
    known = list(pids)
    own = {port for _, port in sockets.listening(known)}
    found = []
    for link in sockets.connections(known):
        address, peer = sockets.peer_of(link)
        if sockets.port_of(link) in own or peer in ignored:
            continue
        seconds = _asked(link)
        if seconds is not None and seconds <= within:
            shown = f"[{address}]" if ":" in address else address
            found.append(Question(f"{shown}:{peer}", seconds))
    return max(found, key=lambda question: question.seconds, default=None)


def _asked(link: Link) -> float | None:
    """Seconds since the last question on this connection, None if it is answered."""
    try:
        kernel = socket(AF_NETLINK, SOCK_RAW, links.NETLINK_SOCK_DIAG)
    except OSError:
        return None
    try:
        kernel.settimeout(1)
        kernel.send(link.request(1 << (INET_DIAG_INFO - 1)))
        info = _attribute(kernel.recv(8192), link)
    except OSError:
        return None
    finally:
        kernel.close()
    if len(info) < LAST_RECEIVED + 4 or info[BACKOFF]:
        return None
    sent, received = (links.number(info[at : at + 4]) for at in (LAST_SENT, LAST_RECEIVED))
    # A question that follows an answer within one tick of the kernel's clock (4 ms) has the time of
    # that answer; so has a question that was answered within one tick. Better one too many: what
    # was asked before `within` does not count.
    return sent / 1000 if sent <= received else None


def _attribute(answer: bytes, link: Link) -> bytes:
    """The struct tcp_info in the kernel's answer about the connection; b"" for none."""
    if not link.is_meant(answer):
        return b""
    at = links.HEADER + links.ANSWER
    while at + ATTRIBUTE <= len(answer):
        length, kind = (links.number(answer[at + n : at + n + 2]) for n in (0, 2))
        if kind == INET_DIAG_INFO:
            return answer[at + ATTRIBUTE : at + length]
        at += max(ATTRIBUTE, -(-length // ALIGNED) * ALIGNED)
    return b""
