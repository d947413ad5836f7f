"""The actions that agents advertise, by the kind of daemon; all times are in seconds."""

from __future__ import annotations

from ocf_lib.declare.service import Action

# A log-in, or a look at what an API lists.
DEEP = Action("monitor", 60, interval=300, depth=20)


def basic(start: int, stop: int) -> tuple[Action, ...]:
    """For a daemon that depends on nothing but its host. start, stop: timeouts."""
    return _with((Action("monitor", 30, interval=20, depth=0),), start, stop)


def worker(
    start: int, stop: int, reports: bool = True, rereads: bool = False
) -> tuple[Action, ...]:
    """For a daemon without an API that needs a broker or a database.

    start, stop: timeouts. reports: an API lists whether the daemon is up. rereads: the program that
    the distribution starts can re-read its configuration.
    """
    monitors = (
        Action("monitor", 30, interval=20, depth=0),
        Action("monitor", 30, interval=30, depth=10),
    )
    return _with((*monitors, DEEP) if reports else monitors, start, stop, rereads)


def api(start: int, stop: int, login: bool = True, rereads: bool = False) -> tuple[Action, ...]:
    """For a service with an API.

    start, stop: timeouts. login: the API takes tokens. rereads: as for `worker`. Depth 0 comes
    first, for programs that read only the first monitor; the intervals differ, for crmsh.
    """
    monitors = (
        Action("monitor", 20, interval=10, depth=0),
        Action("monitor", 30, interval=20, depth=10),
    )
    return _with((*monitors, DEEP) if login else monitors, start, stop, rereads)


def _with(
    monitors: tuple[Action, ...], start: int, stop: int, rereads: bool = False
) -> tuple[Action, ...]:
    return (
        Action("start", start),
        Action("stop", stop),
        *monitors,
        Action("status", 20),
        *((Action("reload", start),) if rereads else ()),
        Action("reload-agent", 20),
        Action("validate-all", 20),
        Action("meta-data", 10),
    )
