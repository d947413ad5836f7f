"""Why a server could not be asked, in the words of an exit reason. They follow the server's name:
"database 10.0.0.5:3306 refused the connection"."""

from __future__ import annotations

from _socket import gaierror

REFUSED = "refused the connection"
RESET = "reset the connection"


def silent(seconds: float) -> str:
    """Nothing came within `seconds`."""
    return f"did not answer within {seconds:.3g} s"


def describe(error: Exception, seconds: float) -> str:
    """What an OSError of a socket means, or the UnicodeError of a host name. seconds: how long the
    caller waited."""
    if isinstance(error, ConnectionRefusedError):
        return REFUSED
    if isinstance(error, ConnectionResetError):
        return RESET
    # the time-out of settimeout has no errno; the network's own, ETIMEDOUT, has one. Until Python
    # 3.9 it was a class of its own
    if type(error).__name__ in ("TimeoutError", "timeout") and getattr(error, "errno", 0) is None:
        return silent(seconds)
    text = getattr(error, "strerror", None) or error
    if isinstance(error, gaierror):
        return f"has a name that does not resolve ({text})"
    return f"cannot be reached ({text})"
