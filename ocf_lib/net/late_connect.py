"""Waits for a connection that the kernel goes on making: its first packet got no answer yet.

Source: connect(2), EINPROGRESS and SO_ERROR.
"""

from __future__ import annotations

import os
from _socket import SO_ERROR, SOL_SOCKET
from time import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocf_lib.net.http import Wait

POLL = 0.02


def finish(connection: Any, wait: Wait) -> None:
    """Returns once it is made. Raises OSError if it fails, and what `wait` raises."""
    while True:
        sleep(min(wait.slice(), POLL))
        fault = connection.getsockopt(SOL_SOCKET, SO_ERROR)
        if fault:
            raise OSError(fault, os.strerror(fault))
        try:
            connection.getpeername()
        except OSError:
            wait.pause()  # not yet
        else:
            return
