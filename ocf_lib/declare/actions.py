"""The actions that agents advertise, by the kind of daemon; timeouts in seconds."""

from __future__ import annotations

from ocf_lib.declare.service import Action


def basic(start: int, stop: int) -> tuple[Action, ...]:
    """Returns the actions of a daemon that depends on nothing but its host.

    start, stop: timeouts in seconds.
    """
    return (
        Action("start", start),
        Action("stop", stop),
        Action("monitor", 30, interval=20, depth=0),
        Action("status", 20),
        Action("reload-agent", 20),
        Action("validate-all", 20),
        Action("meta-data", 10),
    )


def worker(
    start: int, stop: int, reports: bool = True, rereads: bool = False
) -> tuple[Action, ...]:
    """Returns the actions of a daemon without an API that needs a broker or a database.

    start, stop: timeouts in seconds. reports: an API lists whether the daemon is up. rereads: the
    program that the distribution starts can re-read its configuration.
    """
    reread = (Action("reload", start),) if rereads else ()
    deep = (Action("monitor", 60, interval=300, depth=20),) if reports else ()
    return (
        Action("start", start),
        Action("stop", stop),
        Action("monitor", 30, interval=20, depth=0),
        Action("monitor", 30, interval=30, depth=10),
        *deep,
        Action("status", 20),
        *reread,
        Action("reload-agent", 20),
        Action("validate-all", 20),
        Action("meta-data", 10),
    )


def api(start: int, stop: int, login: bool = True, rereads: bool = False) -> tuple[Action, ...]:
    """Returns the actions of a service with an API.

    start, stop: timeouts in seconds. login: the API takes tokens. rereads: as in `worker`.
    Depth 0 comes first, for programs that read only the first monitor; the intervals differ, for
    crmsh.
    """
    deep = (Action("monitor", 60, interval=300, depth=20),) if login else ()
    reread = (Action("reload", start),) if rereads else ()
    return (
        Action("start", start),
        Action("stop", stop),
        Action("monitor", 20, interval=10, depth=0),
        Action("monitor", 30, interval=20, depth=10),
        *deep,
        Action("status", 20),
        *reread,
        Action("reload-agent", 20),
        Action("validate-all", 20),
        Action("meta-data", 10),
    )
