"""TLS for `http.get`, behind a door of its own: `ssl` and `socket` cost more than a monitor (cold
module)."""

from __future__ import annotations

import socket
import ssl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def plain(family: int) -> socket.socket:
    """An unconnected TCP socket that ssl can wrap (it refuses `_socket.socket`)."""
    return socket.socket(family, socket.SOCK_STREAM)


def context(cacert: str | None, insecure: bool) -> ssl.SSLContext:
    """cacert: a PEM file or None for the system's store. insecure: accept any certificate; the file
    is not looked at then.

    Raises OSError where the file cannot be read, ssl.SSLError (one too) where it holds none.
    """
    made = ssl.create_default_context(cafile=None if insecure else cacert)
    if insecure:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


def wrap(connection: socket.socket, name: str, trusted: ssl.SSLContext) -> ssl.SSLSocket:
    """The connection under TLS; the handshake is the caller's, who has the deadline."""
    # as bytes, for text is encoded with the idna codec, whose import costs 6 ms
    host: Any = name.encode("ascii")
    return trusted.wrap_socket(connection, server_hostname=host, do_handshake_on_connect=False)
