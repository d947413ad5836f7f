"""TLS for `http.get`, behind a door of its own: `ssl` and `socket` cost more than a monitor (cold
module)."""

from __future__ import annotations

import socket
import ssl


def plain(family: int) -> socket.socket:
    """An unconnected TCP socket that ssl can wrap (it refuses `_socket.socket`)."""
    return socket.socket(family, socket.SOCK_STREAM)


def context(cacert: str | None, insecure: bool) -> ssl.SSLContext:
    """cacert: a PEM file or None for the system's store. insecure: accept any certificate.

    Raises OSError where the file cannot be read, ssl.SSLError where it holds no certificate.
    """
    made = ssl.create_default_context(cafile=cacert)
    if insecure:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


def wrap(connection: socket.socket, name: str, cacert: str | None, insecure: bool) -> ssl.SSLSocket:
    """The connection under TLS; the handshake is the caller's, who has the deadline."""
    return context(cacert, insecure).wrap_socket(
        connection, server_hostname=name, do_handshake_on_connect=False
    )
