"""One GET with a deadline over all of it: connection, TLS, sending, every byte of the answer.

`_socket` costs nothing to import; `socket` and `http.client` cost more than a whole monitor.
"""

from __future__ import annotations

from _socket import AI_NUMERICHOST, SOCK_STREAM, gaierror, getaddrinfo, socket
from time import monotonic

from ocf_lib.net import failures

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ocf_lib.net.endpoint import Endpoint

    Idle = Callable[[], None]

# The root of an API with many versions is 1 to 2 KB; a token without its catalog is smaller.
HEAD_LIMIT = 64 * 1024
BODY_LIMIT = 1024 * 1024
# How often, in seconds, a waiting request calls the caller's function.
IDLE_INTERVAL = 0.05


class NoAnswer(Exception):
    """No HTTP answer came. The text follows the name of the API: "refused the connection"."""


class Silence(NoAnswer):
    """The server did not complete its answer in time."""


class Untrusted(NoAnswer):
    """The server's certificate was not accepted: the server lives, but we may not talk to it."""


class _Wait:
    """The time that a request has left, shared by its blocking calls."""

    def __init__(self, seconds: float, idle: Idle | None) -> None:
        self.seconds, self.idle = seconds, idle
        self.deadline = monotonic() + seconds

    def left(self) -> float:
        """Seconds, more than 0. Raises Silence if none are left."""
        left = self.deadline - monotonic()
        if left <= 0:
            raise self.over()
        return left

    def over(self) -> NoAnswer:
        return Silence(failures.silent(self.seconds))

    def on(self, connection: Any, call: Callable[..., Any], *arguments: Any) -> Any:
        """The result of `call`. If there is an `idle`, wait in slices and call `idle` after
        each."""
        while True:
            left = self.left()
            connection.settimeout(left if self.idle is None else min(left, IDLE_INTERVAL))
            try:
                return call(*arguments)
            except OSError as error:
                # the time-out of settimeout has no errno; the network's own, ETIMEDOUT, has one
                if error.errno is not None:
                    raise
            if self.idle is not None:
                self.idle()


def get(
    endpoint: Endpoint,
    path: str,
    seconds: float,
    headers: Mapping[str, str] | None = None,
    cacert: str | None = None,
    insecure: bool = False,
    idle: Idle | None = None,
) -> int:
    """The status code of GET `path` at `endpoint`; otherwise as `fetch`."""
    return fetch(endpoint, path, seconds, headers, cacert, insecure, idle)[0]


def fetch(
    endpoint: Endpoint,
    path: str,
    seconds: float,
    headers: Mapping[str, str] | None = None,
    cacert: str | None = None,
    insecure: bool = False,
    idle: Idle | None = None,
    whole: bool = False,
) -> tuple[int, bytes]:
    """Status code and body of GET `path` at `endpoint`.

    seconds: for all of it. headers: beside the usual ones. cacert: a PEM file, None for the
    system's certificates. insecure: accept any certificate. idle: called every 50 ms during the
    wait; what it raises ends the request. whole: read a body of unknown length to its end, too.

    Raises NoAnswer; its kinds are Silence and Untrusted.
    """
    wait = _Wait(seconds, idle)
    # Keystone, Nova and Heat under stock uwsgi files send no Content-Length and keep the connection
    # open, unless asked to close it. In HTTP/1.0 a body is not sent in chunks.
    version = "1.0" if whole else "1.1"
    lines = [f"GET {endpoint.path}{path} HTTP/{version}", f"Host: {endpoint.authority}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    lines += ["Accept: application/json", "Connection: close", "User-Agent: ocf-openstack", "", ""]
    request = "\r\n".join(lines).encode("latin-1")
    connection = trusted = None
    if endpoint.scheme == "https":
        from ocf_lib.net import tls

        try:
            trusted = tls.context(cacert, insecure)
        except OSError as error:
            raise Untrusted(f"cannot be verified with {cacert} ({error.strerror})") from None
    try:
        connection = _connect(endpoint, wait)
        if trusted is not None:
            connection = tls.wrap(connection, endpoint.name, trusted)
            wait.on(connection, connection.do_handshake)
        _send(connection, wait, request)
        return _read_answer(connection, wait, whole)
    except OSError as error:
        if error.__class__.__name__ == "SSLCertVerificationError":
            raise Untrusted(f"has a certificate that is not accepted: {error}") from None
        raise NoAnswer(failures.describe(error, seconds)) from None
    finally:
        if connection is not None:
            connection.close()


def takes_connections(endpoint: Endpoint, seconds: float) -> bool:
    """Whether something listens there. Raises NoAnswer if that is not known in time."""
    try:
        _connect(endpoint, _Wait(seconds, None)).close()
    except OSError:
        return False
    return True


def resolve(address: str, port: int) -> list[tuple[int, Any]]:
    """(family, socket address) of each address of a host. No name server is asked for a numeric
    address. Raises gaierror, and UnicodeError for a name that is not ASCII."""
    host = address.encode("ascii")  # from text, getaddrinfo imports the idna codec: 6 ms
    try:
        found = getaddrinfo(host, port, 0, SOCK_STREAM, 0, AI_NUMERICHOST)
    except gaierror:
        found = getaddrinfo(host, port, 0, SOCK_STREAM)
    return [(facts[0], facts[4]) for facts in found]


def _connect(endpoint: Endpoint, wait: _Wait) -> Any:
    """Connect to the first address that accepts: localhost may also be ::1, where nobody
    listens."""
    addresses = resolve(endpoint.address, endpoint.port)
    for family, address in addresses[:-1]:
        try:
            return _connect_to(endpoint, wait, family, address)
        except OSError:
            continue
    return _connect_to(endpoint, wait, *addresses[-1])


def _connect_to(endpoint: Endpoint, wait: _Wait, family: int, address: Any) -> Any:
    if endpoint.scheme == "https":
        from ocf_lib.net import tls

        connection: Any = tls.plain(family)
    else:
        connection = socket(family, SOCK_STREAM)
    try:
        # not in slices: a second connect during the first is an error
        connection.settimeout(wait.left())
        connection.connect(address)
    except OSError as error:
        connection.close()
        if error.errno is None:
            raise wait.over() from None
        raise
    except NoAnswer:
        connection.close()
        raise
    return connection


def _send(connection: Any, wait: _Wait, request: bytes) -> None:
    sent = 0
    while sent < len(request):
        sent += wait.on(connection, connection.send, request[sent:])


def _read_answer(connection: Any, wait: _Wait, whole: bool) -> tuple[int, bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        part = wait.on(connection, connection.recv, HEAD_LIMIT)
        if not part:
            raise NoAnswer(
                "closed the connection without an answer" if not received else "sent no HTTP"
            )
        received += part
        if not b"HTTP/1.".startswith(received[:7]) or len(received) > HEAD_LIMIT:
            raise NoAnswer("sent no HTTP")
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    status = lines[0].split(b" ")[1] if b" " in lines[0] else b""
    if len(status) != 3 or not status.isdigit():
        raise NoAnswer("sent no HTTP")
    length = _content_length(lines)
    # The head is enough if an answer does not tell its length: a server that never closes the
    # connection is healthy, and waiting for the end would report it as hung.
    wanted = length if length is not None else BODY_LIMIT if whole else 0
    while len(body) < wanted:
        part = wait.on(connection, connection.recv, HEAD_LIMIT)
        if not part and length is None:
            break
        if not part:
            missing = wanted - len(body)
            raise NoAnswer(f"closed the connection {missing} bytes before the end of its answer")
        body += part
    return int(status), body


def _content_length(lines: list[bytes]) -> int | None:
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return min(int(value), BODY_LIMIT)
    return None
