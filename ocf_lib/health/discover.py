"""Where does the API of a running instance answer?"""

from __future__ import annotations

import contextlib
import socket

from ocf_lib.launch import running, uwsgi_ini
from ocf_lib.net import http, sockets
from ocf_lib.net.endpoint import Endpoint
from ocf_lib.processes import procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.instance import Instance

# Seconds. A loaded TLS server answers a handshake on loopback in a few milliseconds.
HANDSHAKE_SECONDS = 1.0


def endpoint_of(instance: Instance, leader: int) -> Endpoint | None:
    """Parameter url, or else the socket on which the instance's own processes listen, the service's
    usual port first. None if there is none yet.

    leader: PID of the parent, which holds the socket in most services.
    """
    of, api = instance.parameters, instance.service.api
    if of["url"]:
        return _resolved(Endpoint.parse(of["url"]).unversioned())
    found = sockets.listening([leader]) or sockets.listening(running.members_of(instance).pids)
    if not found or api is None:
        return None
    wanted = api.usual_port(of)
    usual = [each for each in found if each[1] == wanted]
    address, port = (usual or found)[0]
    path = Endpoint.parse(api.site).path if api.site else ""
    plain = Endpoint("http", address, port, path=path)
    if not _may_speak_tls(leader, of.get("os_auth_url") or ""):
        return plain
    https = Endpoint("https", address, port, path=path)
    secure = _speaks_tls(https)
    return None if secure is None else https if secure else plain


def _resolved(given: Endpoint) -> Endpoint:
    """The endpoint with a numeric address, so that the frequent monitor asks no name server: the
    first address that accepts a connection, or the name if none does."""
    with contextlib.suppress(OSError):
        for family, address in http.resolve(given.address, given.port):
            with contextlib.suppress(OSError), socket.socket(family) as plain:
                plain.settimeout(HANDSHAKE_SECONDS)
                plain.connect(address)
                return Endpoint(given.scheme, address[0], given.port, given.name, given.path)
    return given


def _may_speak_tls(leader: int, auth_url: str) -> bool:
    """Whether a handshake is worth a try: it leaves an error in the log of a plain HTTP server."""
    if auth_url.startswith("https:"):
        return True
    line = procfs.command_line(leader)
    inis = [word for word in line if word.endswith(".ini")]
    return any("https" in word for word in line) or any(map(uwsgi_ini.opens_https, inis))


def _speaks_tls(endpoint: Endpoint) -> bool | None:
    """Whether the server speaks TLS. None if it accepts a connection but does not answer, like a
    daemon that is still loading."""
    # imported only here: with a broken OpenSSL, a service without TLS starts all the same
    from ocf_lib.net import tls

    family, address = http.resolve(endpoint.address, endpoint.port)[0]
    with tls.plain(family) as plain:
        plain.settimeout(HANDSHAKE_SECONDS)
        try:
            plain.connect(address)
            with tls.wrap(plain, endpoint.name, tls.context(None, insecure=True)) as secure:
                secure.do_handshake()
        except OSError as error:
            return False if error.errno is not None else _speaks_plainly(endpoint)
    return True


def _speaks_plainly(endpoint: Endpoint) -> bool | None:
    """False (no TLS) if it answers a plain request: such a server may take a handshake for the
    beginning of a request line, and wait for the rest."""
    plain = Endpoint("http", endpoint.address, endpoint.port)
    try:
        http.ask(plain, "/", HANDSHAKE_SECONDS)
    except http.NoAnswer:
        return None
    return False
