"""A full check of what a service depends on, from this host.

Each dependency is checked in a thread of its own: a name server that hangs holds up nothing but
that thread, which ends with the process.
"""

from __future__ import annotations

import functools
import socket
import threading
from time import monotonic

from ocf_lib.dependencies import database
from ocf_lib.dependencies.database import Database
from ocf_lib.net import failures, http
from ocf_lib.net.endpoint import Endpoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocf_lib.dependencies.needs import Need
    from ocf_lib.keystone.token import Token

# The beginning of AMQP 0-9-1. A living broker answers with its own, or with Connection.Start.
AMQP_HEADER = b"AMQP\0\0\x09\x01"
# A living server answers at once; one on a host that is gone never even refuses.
SECONDS = 3.0
VALIDATION = "/v3/auth/tokens?nocatalog"


class Finding:
    """trouble: what is wrong, to follow the name of the need; "" for nothing. answered: the place
    that was well, as (address, port), None for none."""

    def __init__(self, trouble: str, answered: tuple[str, int] | None = None) -> None:
        self.trouble, self.answered = trouble, answered


def check(
    needs: Sequence[Need],
    seconds: float,
    token: Token | None = None,
    in_doubt: bool = False,
    longest: float = SECONDS,
) -> list[Finding]:
    """What is wrong with each of these. All are checked at the same time.

    seconds: for all of it, at most `longest`. token: a token that Identity should know. in_doubt: a
    broker has to answer; otherwise it only has to accept a connection, as a frozen broker does too.
    """
    seconds = max(0.1, min(longest, seconds))
    found: list[list[Finding]] = [[] for _ in needs]

    def act(need: Need, result: list[Finding]) -> None:
        try:
            result.append(_check(need, seconds, token, in_doubt))
        except Exception as error:  # noqa: BLE001 - nobody else would catch it in a thread
            result.append(Finding(f"cannot be checked ({type(error).__name__})"))

    threads = [threading.Thread(target=act, args=pair, daemon=True) for pair in zip(needs, found)]
    until = monotonic() + seconds + 0.2
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - monotonic()))
    silent = Finding(failures.silent(seconds))
    return [result[0] if result else silent for result in found]


def _check(need: Need, seconds: float, token: Token | None, in_doubt: bool) -> Finding:
    asked = need.asked
    if isinstance(asked, Endpoint):
        return _identity(asked, seconds, token)
    if isinstance(asked, Database) and asked.kind:
        whole: Callable[[str, int, float], str] = functools.partial(
            database.check, asked, in_doubt=in_doubt
        )
    elif need.name == "broker" and in_doubt:
        whole = _tls_broker if asked else _broker
    else:
        whole = _port
    known = [(host, port) for host, port in need.places if host]
    trouble = ""
    for host, port in known:
        said = whole(host, port, seconds / len(known))
        if not said:
            return Finding("", (_number_of(host, port), port))
        trouble = trouble or said
    return Finding(trouble)


def _identity(at: Endpoint, seconds: float, token: Token | None) -> Finding:
    """Ask for its versions, which needs no other server; with a token also for the token's
    validation, which needs its database."""
    paths: list[tuple[str, dict[str, str]]] = [("/", {})]
    if token is not None and token.version == "3":
        both = dict.fromkeys(("X-Auth-Token", "X-Subject-Token"), token.value)
        paths.append((VALIDATION, both))
    for path, headers in paths:
        try:
            status = http.ask(at, path, seconds / len(paths), headers, insecure=True).status
        except http.NoAnswer as error:
            return Finding(str(error))
        if status >= 500:
            return Finding(f"answered {status}" + (" to a token" if headers else ""))
    return Finding("", (_number_of(at.address, at.port), at.port))


def _number_of(host: str, port: int) -> str:
    """The first of its addresses."""
    address: str = http.resolve(host, port)[0][1][0]
    return address


def _port(host: str, port: int, seconds: float) -> str:
    try:
        socket.create_connection((host, port), seconds).close()
    except (OSError, UnicodeError) as error:
        return failures.describe(error, seconds)
    return ""


def _broker(host: str, port: int, seconds: float) -> str:
    return database.greeting(host, port, seconds, AMQP_HEADER)


def _tls_broker(host: str, port: int, seconds: float) -> str:
    """A TLS handshake is answer enough."""
    from ocf_lib.net import tls

    try:
        plain = socket.create_connection((host, port), seconds)
        with tls.wrap(plain, host, tls.context(None, insecure=True)) as secure:
            secure.do_handshake()
    except (OSError, UnicodeError) as error:
        said = failures.describe(error, seconds)
        return said if said == failures.silent(seconds) else f"failed a TLS handshake ({said})"
    return ""
