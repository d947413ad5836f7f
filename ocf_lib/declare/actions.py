"""The actions that agents advertise, by the kind of daemon; all times are in seconds.

A long timeout costs nothing: a start that dies is told at once, a stop sends SIGKILL long before
its end, and a monitor waits for one answer no longer than parameter api_timeout says. A short one
costs a healthy service its life on a busy host.
"""

from __future__ import annotations

from ocf_lib.declare.service import Action

# Keystone's start took 75 s beside eight busy loops on two cores; others take longer than Keystone.
# TripleO gives 200 s to every action.
START, STOP, MONITOR, SHORT = 400, 200, 60, 60
# A log-in, or a look at what an API lists.
DEEP = Action("monitor", 120, interval=300, depth=20)


def basic() -> tuple[Action, ...]:
    """For a daemon that depends on nothing but its host."""
    return _with((Action("monitor", MONITOR, interval=20, depth=0),))


def worker(reports: bool = True, rereads: bool = False) -> tuple[Action, ...]:
    """For a daemon without an API that needs a broker or a database.

    reports: an API lists whether the daemon is up. rereads: the program that the distribution
    starts can re-read its configuration.
    """
    monitors = (
        Action("monitor", MONITOR, interval=20, depth=0),
        Action("monitor", MONITOR, interval=30, depth=10),
    )
    return _with((*monitors, DEEP) if reports else monitors, rereads)


def api(login: bool = True, rereads: bool = False) -> tuple[Action, ...]:
    """For a service with an API.

    login: the API takes tokens. rereads: as for `worker`. Depth 0 comes first, for programs that
    read only the first monitor; the intervals differ, for crmsh.
    """
    monitors = (
        Action("monitor", MONITOR, interval=10, depth=0),
        Action("monitor", MONITOR, interval=20, depth=10),
    )
    return _with((*monitors, DEEP) if login else monitors, rereads)


def _with(monitors: tuple[Action, ...], rereads: bool = False) -> tuple[Action, ...]:
    return (
        Action("start", START),
        Action("stop", STOP),
        *monitors,
        Action("status", SHORT),
        *((Action("reload", START),) if rereads else ()),
        Action("reload-agent", SHORT),
        Action("validate-all", SHORT),
        Action("meta-data", SHORT),
    )
