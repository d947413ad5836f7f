"""What does the service report of itself? Asked is the API that lists the reports of all (cold
module).

A daemon whose processes and connections are there may still do nothing. It writes a time into a
database every ten seconds or so; after its down-time without one its API calls it down. Source: the
API references of Compute and Block Storage (os-services), Networking (agents), Orchestration
(services), Shared File Systems (services).
"""

from __future__ import annotations

import os

from ocf_lib.dependencies import needs
from ocf_lib.health.listing import Listing, Row
from ocf_lib.keystone import login, token
from ocf_lib.launch import command
from ocf_lib.outcomes import Afflicted, Degraded, Failed, Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ocf_lib.declare.service import Report
    from ocf_lib.instance import Instance
    from ocf_lib.keystone.credentials import Credentials
    from ocf_lib.launch.oslo import Options

# Notes: since when it is down while others are up; when it reported last, as the API has it; since
# when the API has never heard of it.
DOWN, LAST, MISSING = "report.down", "report.last", "report.missing"


class Place:
    """One host, or one backend of it, that the daemon reports for.

    names: what the API may call it, the likeliest first. rows: those of it; of several, as the
    workers of heat-engine have them, one that is up will do: the others are those of the past.
    """

    def __init__(self, names: Sequence[str], binary: str, rows: Sequence[Row]) -> None:
        self.rows = [row for row in rows if row.binary == binary and row.host in names]
        self.name = self.rows[0].host if self.rows else names[0]

    @property
    def is_up(self) -> bool:
        return any(row.is_up for row in self.rows)


def look(instance: Instance) -> None:
    """check, where the parameters have credentials to log in with; else nothing."""
    account = token.account(instance)
    if account is None:
        return
    session, found = login.enter(instance, account)
    try:
        argv = command.resolve(instance).argv
    except Outcome:
        return  # the configuration is gone, and with it the name that it reports under
    check(instance, session, needs.options_of(instance, argv), found)


def check(
    instance: Instance, session: Any, options: Options, found: Credentials | None = None
) -> None:
    """Returns where the API lists the service of this host as up.

    session: of keystoneauth, logged in; it must fit any host, not Identity alone. found: whom it is
    logged in as, where that is not as the parameters say. options: of the daemon. The service is
    one that reports itself.

    Raises Failed where it alone has been down for longer than its down-time, Degraded before, and
    where it is not at fault; Afflicted where the API cannot tell.
    """
    report = instance.service.report
    assert report is not None
    notes = instance.notes
    try:
        listing = Listing(instance, session, report, found)
        rows = listing.rows(of=report.binary)
        if not _is_up(report, options, rows):
            rows = listing.rows()
    except Afflicted:
        # nobody saw what was in between
        notes.drop("report.")
        raise
    if _is_up(report, options, rows):
        notes.drop("report.")
        return
    places = _places(report, options, rows)
    down = [place for place in places if place.rows and not place.is_up]
    missing = [place for place in places if not place.rows]
    if not down:
        notes.drop(DOWN, LAST)
        age = notes.begin(MISSING)
        raise Degraded(
            f"{listing.title} has no row for {report.binary} on host {_names(missing)}{_for(age)}: "
            "is host in its configuration right? (degraded)"
        )
    notes.drop(MISSING)
    _judge_down(instance, listing.title, _seconds(report, options), places, down, rows)


def _judge_down(
    instance: Instance,
    title: str,
    limit: float,
    places: Sequence[Place],
    down: Sequence[Place],
    rows: Sequence[Row],
) -> None:
    """Whose fault is it that the places `down` are? Raises Failed or Degraded.

    limit: the down-time, in seconds.
    """
    notes, binary = instance.notes, down[0].rows[0].binary
    what = f"{title} reports {binary} on {_names(down)} as"
    ours = [row for place in down for row in place.rows]
    others = [row for row in rows if row not in ours]
    excuse = _excuse(ours, others, limit)
    if not excuse and len(down) < len(places):
        excuse = f"down, {len(down)} of its {len(places)} backends"
    if excuse:
        # time counts only while nothing but the service itself can be to blame
        notes.drop(DOWN, LAST)
        raise Degraded(f"{what} {excuse} (degraded)")
    last = str(max(row.time for row in ours))
    if notes[LAST] and notes[LAST] != last:
        notes.stamp(DOWN)
        notes[LAST] = last
        raise Degraded(
            f"{what} down, but its reports arrive: late, or by a clock that is off? (degraded)"
        )
    notes[LAST] = last
    age = notes.begin(DOWN)
    if age > limit:
        raise Failed(f"{what} down{_for(age)}, while others are up (its down-time is {limit:g} s)")
    raise Degraded(f"{what} down{_for(age)}, not yet for its down-time of {limit:g} s (degraded)")


def _excuse(ours: Sequence[Row], others: Sequence[Row], limit: float) -> str:
    """What else than the service is to blame, after "reports it as"; "" for nothing."""
    if any(row.is_forced for row in ours):
        return "forced down (forced_down, as fencing does)"
    if not any(row.is_up for row in others):
        return "down, and no other service as up: is its database, or its broker, to blame?"
    # what several of a kind lost at one time, as all computes do with the last conductor, is no
    # fault of one; others have been dead for long
    alike = [row for row in others if row.binary == ours[0].binary]
    last = max(row.time for row in ours)
    silent = [row for row in alike if not row.is_up and last and abs(row.time - last) <= limit]
    if silent and not any(row.is_up for row in alike):
        return f"down, since the same time as {len(silent)} more: is what carries reports to blame?"
    return ""


def _is_up(report: Report, options: Options, rows: Sequence[Row]) -> bool:
    return all(place.is_up for place in _places(report, options, rows))


def _places(report: Report, options: Options, rows: Sequence[Row]) -> list[Place]:
    """Where the daemon with these options reports from: its host, or each backend at it."""
    node = os.uname().nodename
    given = options.get("DEFAULT", "host")
    hosts = [given] if given else [node, node.partition(".")[0]]
    listed = options.get("DEFAULT", report.backends).split(",") if report.backends else []
    backends = [name.strip() for name in listed if name.strip()]
    if not backends:
        return [Place(hosts, report.binary, rows)]
    found = []
    for backend in backends:
        own = options.get(backend.lower(), "backend_host")
        names = [f"{host}@{backend}" for host in ([own] if own else hosts)]
        found.append(Place(names, report.binary, rows))
    return found


def _seconds(report: Report, options: Options) -> float:
    """The down-time."""
    given = options.get("DEFAULT", report.option)
    is_number = given.isdecimal() and len(given) < 10
    return int(given) * report.times if is_number else report.seconds


def _names(places: Sequence[Place]) -> str:
    return ", ".join(place.name for place in places)


def _for(age: float) -> str:
    return f" for {age:.0f} s" if age >= 1 else ""
