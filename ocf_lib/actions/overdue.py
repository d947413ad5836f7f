"""Ends a monitor that gets no verdict in time: before Pacemaker kills it and restarts the service.

Every request has a time limit, but a name service, a disk or a host without a free CPU may hold up
anything. The service itself was seen alive, so it is degraded.
"""

from __future__ import annotations

import posix
from _thread import start_new_thread
from time import monotonic, sleep

from ocf_lib.outcomes import SUCCESS, Degraded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.environment import Environment


def arm(environment: Environment, pid: int) -> None:
    """From now on, this process ends itself once its time is over. pid: the daemon, which lives."""

    def act() -> None:
        sleep(max(0.0, environment.last_moment - monotonic()))
        seconds = monotonic() - environment.began
        reason = (
            f"no verdict after {seconds:.3g} s, PID {pid} lives: this host is too busy, or its "
            "name service or a disk does not answer (degraded)"
        )
        posix.write(2, f"ocf-exit-reason:{reason}\n".encode())
        posix._exit(SUCCESS if environment.is_probe else Degraded.code)

    try:  # noqa: SIM105 - contextlib costs 3 ms
        start_new_thread(act, ())
    except RuntimeError:
        pass  # no thread to be had: Pacemaker will end us
