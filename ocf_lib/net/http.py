"""One request with a deadline over all of it: connection, TLS, sending, every byte of the answer.

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

# The root of an API with many versions is 1 to 2 KB; a token without its catalog is smaller.
HEAD_LIMIT = 64 * 1024
BODY_LIMIT = 1024 * 1024


class Idle:
    """A function that a request calls while it waits; what the function raises ends the request.

    after: seconds until the first call, at most a quarter of the request's time. every: seconds
    between calls.
    """

    def __init__(self, call: Callable[[], None], after: float = 0.05, every: float = 0.05) -> None:
        self.call, self.after, self.every = call, after, every

    def more(self, seconds: float, took: float) -> float:  # noqa: ARG002 - see Late
        """Seconds for which a request whose time is over goes on, because the time was not that of
        the server; 0 if it ends. seconds: that it was given. took: that it has had."""
        return 0.0


class Answer:
    """status: the status code. body: all of it if its length is known, or if it was wanted."""

    def __init__(self, status: int, head: list[bytes], body: bytes) -> None:
        self.status, self.body, self._head = status, body, head

    def header(self, name: str) -> str:
        """The value of the header of this name, "" for none."""
        return _header(self._head, name.lower().encode()).decode("latin-1")


class NoAnswer(Exception):
    """No HTTP answer came. The text follows the name of the API: "refused the connection"."""


class Silence(NoAnswer):
    """The server did not complete its answer in time."""


class Dropped(NoAnswer):
    """The server took the connection and ended it without an answer."""


class Untrusted(NoAnswer):
    """The server's certificate was not accepted: the server lives, but we may not talk to it."""


class Wait:
    """The time that a request has left, shared by its blocking calls."""

    def __init__(self, seconds: float, idle: Idle | None) -> None:
        self.seconds, self.idle = seconds, idle
        self.begun = begun = monotonic()
        self.deadline = begun + seconds
        self.idle_at = begun + min(idle.after, seconds / 4) if idle is not None else self.deadline

    def left(self) -> float:
        """Seconds, more than 0. Raises Silence if none are left."""
        now = monotonic()
        left = self.deadline - now
        if left <= 0 and self.idle is not None:
            left = self.idle.more(self.seconds, now - self.begun)
            self.deadline = now + left
        if left <= 0:
            raise self.over()
        return left

    def over(self) -> NoAnswer:
        return Silence(failures.silent(self.seconds))

    def slice(self) -> float:
        """Seconds for the next blocking call. Raises Silence if no time is left."""
        return min(self.left(), max(0.001, self.idle_at - monotonic()))

    def pause(self) -> None:
        """A slice is over: call `idle` if it is time for that."""
        if self.idle is not None and monotonic() >= self.idle_at:
            self.idle.call()
            self.idle_at = monotonic() + self.idle.every

    def on(self, connection: Any, call: Callable[..., Any], *arguments: Any) -> Any:
        """The result of `call`, which is called again after each slice."""
        while True:
            connection.settimeout(self.slice())
            try:
                return call(*arguments)
            except OSError as error:
                if not _is_time_out(error):
                    raise
            self.pause()

    def connect(self, connection: Any, address: Any) -> None:
        """As `on`, with connection.connect, which the kernel goes on with after a slice."""
        connection.settimeout(self.slice())
        try:
            connection.connect(address)
        except OSError as error:
            if not _is_time_out(error):
                raise
            self.pause()
            from ocf_lib.net import late_connect

            late_connect.finish(connection, self)


def ask(
    endpoint: Endpoint,
    path: str,
    seconds: float,
    headers: Mapping[str, str] | None = None,
    cacert: str | None = None,
    insecure: bool = False,
    idle: Idle | None = None,
    whole: bool = False,
    body: bytes | None = None,
) -> Answer:
    """The answer to GET `path` at `endpoint`; to POST with `body`, which is JSON, if that is given.

    seconds: for all of it, once TLS is loaded. headers: beside the usual ones. cacert: a PEM file,
    None for the system's certificates. insecure: accept any certificate. whole: read a body of
    unknown length to its end, too.

    Raises NoAnswer; its kinds are Silence, Dropped and Untrusted.
    """
    request = _request(endpoint, path, headers or {}, whole, body)
    connection = trusted = None
    if endpoint.scheme == "https":
        from ocf_lib.net import tls

        try:
            trusted = tls.context(cacert, insecure)
        except OSError as error:
            raise Untrusted(f"cannot be verified with {cacert} ({error.strerror})") from None
    is_connected = False
    wait = Wait(seconds, idle)
    try:
        connection = _connect(endpoint, wait)
        is_connected = True
        if trusted is not None:
            connection = tls.wrap(connection, endpoint.name, trusted)
            wait.on(connection, connection.do_handshake)
        _send(connection, wait, request)
        return _read_answer(connection, wait, whole)
    except OSError as error:
        if error.__class__.__name__ == "SSLCertVerificationError":
            raise Untrusted(f"has a certificate that is not accepted: {error}") from None
        kind = Dropped if is_connected else NoAnswer
        raise kind(failures.describe(error, seconds)) from None
    finally:
        if connection is not None:
            connection.close()


def _request(
    endpoint: Endpoint, path: str, headers: Mapping[str, str], whole: bool, body: bytes | None
) -> bytes:
    # Keystone, Nova and Heat under stock uwsgi files send no Content-Length and keep the connection
    # open, unless asked to close it. In HTTP/1.0 a body is not sent in chunks.
    version = "1.0" if whole else "1.1"
    method = "GET" if body is None else "POST"
    lines = [f"{method} {endpoint.path}{path} HTTP/{version}", f"Host: {endpoint.authority}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += ["Accept: application/json", "Connection: close", "User-Agent: ocf-openstack", "", ""]
    return "\r\n".join(lines).encode("latin-1") + (body or b"")


def takes_connections(endpoint: Endpoint, seconds: float) -> bool:
    """Whether something listens there. Raises NoAnswer if that is not known in time."""
    try:
        _connect(endpoint, Wait(seconds, None)).close()
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


def _connect(endpoint: Endpoint, wait: Wait) -> Any:
    """Connect to the first address that accepts: localhost may also be ::1, where nobody
    listens."""
    addresses = resolve(endpoint.address, endpoint.port)
    for family, address in addresses[:-1]:
        try:
            return _connect_to(endpoint, wait, family, address)
        except OSError:
            continue
    return _connect_to(endpoint, wait, *addresses[-1])


def _connect_to(endpoint: Endpoint, wait: Wait, family: int, address: Any) -> Any:
    if endpoint.scheme == "https":
        from ocf_lib.net import tls

        connection: Any = tls.plain(family)
    else:
        connection = socket(family, SOCK_STREAM)
    try:
        wait.connect(connection, address)
    except BaseException:
        connection.close()
        raise
    return connection


def _send(connection: Any, wait: Wait, request: bytes) -> None:
    sent = 0
    while sent < len(request):
        sent += wait.on(connection, connection.send, request[sent:])


def _read_answer(connection: Any, wait: Wait, whole: bool) -> Answer:
    received = b""
    while b"\r\n\r\n" not in received:
        part = wait.on(connection, connection.recv, HEAD_LIMIT)
        if not part:
            if received:
                raise NoAnswer("sent no HTTP")
            raise Dropped("closed the connection without an answer")
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
            raise Dropped(f"closed the connection {missing} bytes before the end of its answer")
        body += part
    return Answer(int(status), lines, body)


def _content_length(lines: list[bytes]) -> int | None:
    value = _header(lines, b"content-length")
    return min(int(value), BODY_LIMIT) if value.isdigit() else None


def _header(lines: list[bytes], wanted: bytes) -> bytes:
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == wanted:
            return value.strip()
    return b""


def _is_time_out(error: OSError) -> bool:
    """The time-out of settimeout has no errno; the network's own, ETIMEDOUT, has one."""
    return error.errno is None
