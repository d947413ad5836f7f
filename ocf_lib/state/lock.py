"""One start, stop or reload of an instance at a time. Source: flock(2)."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from time import monotonic, sleep

from ocf_lib.state import files

POLL = 0.02


@contextlib.contextmanager
def held(path: str, until: float) -> Iterator[bool]:
    """Hold the instance's lock, the file at `path`, for the block; wait for the lock until `until`
    (monotonic clock).

    The value says whether we have the lock. It ends with this process, however that ends, because
    the daemon inherits no descriptor. If there is no state folder, there is no lock, and the value
    is False.
    """
    try:
        files.make_state_folder(os.path.dirname(path))
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
    except OSError:
        yield False
        return
    try:
        yield _wait(descriptor, until)
    finally:
        os.close(descriptor)


def _wait(descriptor: int, until: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() >= until:
                return False
            sleep(POLL)
        else:
            return True
