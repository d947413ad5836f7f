"""A time limit over work that has none of its own: a name server, a library's requests."""

from __future__ import annotations

from _thread import allocate_lock, start_new_thread
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from ocf_lib.net.http import Idle

    T = TypeVar("T")


class TooLongError(Exception):
    """The time for the work is over."""


def within(seconds: float, function: Callable[[], T], idle: Idle | None = None) -> T:
    """What `function` returns or raises, if it ends in time. Raises TooLongError if not.

    It runs in a thread, which ends with the agent: nothing waits for it any more. Not a thread of
    `threading`, whose import costs 3 ms. idle: called during the wait, as in http.ask; what it
    raises ends the wait, and it may grant more time.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    working = allocate_lock()
    working.acquire()

    def act() -> None:
        try:
            results.append(function())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            errors.append(error)
        finally:
            working.release()

    start_new_thread(act, ())
    begun = monotonic()
    until = begun + max(seconds, 0.01)
    idle_at = begun + min(idle.after, seconds / 4) if idle is not None else until
    while not working.acquire(timeout=max(0.0, min(until, idle_at) - monotonic())):
        now = monotonic()
        if idle is not None and now >= idle_at:
            idle.call()
            idle_at = monotonic() + idle.every
        if now >= until:
            left = idle.more(seconds, now - begun) if idle is not None else 0.0
            if left <= 0:
                raise TooLongError
            until = now + left
    if errors:
        raise errors[0]
    return results[0]
