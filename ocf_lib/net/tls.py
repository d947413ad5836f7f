"""TLS for `net.http`, in a module of its own: `ssl` and `socket` cost more than a monitor, and a
stop must work with a broken OpenSSL."""

from __future__ import annotations

import socket
import ssl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def plain(family: int) -> socket.socket:
    """An unconnected TCP socket that ssl can wrap (ssl refuses `_socket.socket`)."""
    return socket.socket(family, socket.SOCK_STREAM)


def context(cacert: str | None, insecure: bool) -> ssl.SSLContext:
    """What to trust. cacert: a PEM file, or None for the system's store. insecure: accept any
    certificate; the file is not read then.

    Raises OSError if the file cannot be read or (ssl.SSLError) holds no certificate.
    """
    made = ssl.create_default_context(cafile=None if insecure else cacert)
    if insecure:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


def wrap(connection: socket.socket, name: str, trusted: ssl.SSLContext) -> ssl.SSLSocket:
    """The connection under TLS. The caller, which has the deadline, does the handshake."""
    # as bytes: text would be encoded with the idna codec, whose import costs 6 ms
    host: Any = name.encode("ascii")
    return trusted.wrap_socket(connection, server_hostname=host, do_handshake_on_connect=False)
