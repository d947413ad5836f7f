"""What does the service report about itself? The API that lists all services knows.

A daemon may do nothing although its processes and connections are there. It reports by writing the
time into a database about every ten seconds; after its down-time without a report its API lists it
as down. Source: the API references of Compute and Block Storage (os-services), Networking (agents),
Orchestration (services), Shared File Systems (services).
"""

from __future__ import annotations

import os

from ocf_lib import numbers
from ocf_lib.health.listing import Listing, Row
from ocf_lib.keystone import library_login, token
from ocf_lib.launch import command
from ocf_lib.launch import options as daemon_options
from ocf_lib.outcomes import Afflicted, Degraded, Outcome, Suspect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocf_lib.declare.service import Report
    from ocf_lib.instance import Instance
    from ocf_lib.launch.oslo import Options
    from ocf_lib.net.patience import Patience
    from ocf_lib.state.notes import Notes

# Notes: since when it has been down while others are up; the time of its last report, as the API
# lists it; since when the API has had no row for it.
DOWN, LAST, MISSING = "report.down", "report.last", "report.missing"


class Place:
    """One host, or one backend of a host, for which the daemon reports.

    names: what the API may call it, the likeliest first. rows: all that the API lists. The API may
    list several, one for each worker of heat-engine, some from the past: one that is up is enough.
    """

    def __init__(self, names: Sequence[str], binary: str, rows: Sequence[Row]) -> None:
        self.rows = [row for row in rows if row.binary == binary and row.host in names]
        self.name = self.rows[0].host if self.rows else names[0]

    @property
    def is_up(self) -> bool:
        return any(row.is_up for row in self.rows)


def check(instance: Instance, patience: Patience) -> None:
    """As `compare`, if the parameters have credentials for a log-in; else it does nothing."""
    service, of, report = instance.service, instance.parameters, instance.service.report
    account = token.account(of, service.needs_project)
    if account is None or report is None:
        return
    session, found = library_login.enter(instance, account, patience)
    try:
        argv = command.resolve(service, of).argv
    except Outcome:
        return  # the configuration is gone, and with it the name under which it reports
    listing = Listing(session, report, found.region, found.interface, patience)
    compare(instance.notes, listing, daemon_options.of(service, of, argv))


def compare(notes: Notes, listing: Listing, options: Options) -> None:
    """Returns if the API lists the service of this host as up. options: of the daemon.

    Raises Suspect if it alone has been down for longer than its down-time; Degraded before that,
    and if something else is at fault; Afflicted if the API cannot tell.
    """
    report = listing.report
    try:
        rows = listing.rows(of=report.binary)
        if not _is_up(report, options, rows):
            rows = listing.rows()
    except Afflicted:
        # what happened meanwhile is unknown
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
    _judge_down(notes, listing.title, _down_time(report, options), places, down, rows)


def _judge_down(
    notes: Notes,
    title: str,
    limit: float,
    places: Sequence[Place],
    down: Sequence[Place],
    rows: Sequence[Row],
) -> None:
    """Whose fault is it that the places `down` are down? Raises Suspect or Degraded.

    limit: the down-time, in seconds.
    """
    binary = down[0].rows[0].binary
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
        text = f"{what} down{_for(age)}, while others are up (its down-time is {limit:g} s)"
        raise Suspect(text, is_late=True)
    raise Degraded(f"{what} down{_for(age)}, not yet for its down-time of {limit:g} s (degraded)")


def _excuse(ours: Sequence[Row], others: Sequence[Row], limit: float) -> str:
    """What is to blame other than the service, to follow "reports it as"; "" for nothing."""
    if any(row.is_forced for row in ours):
        return "forced down (forced_down, as fencing does)"
    if not any(row.is_up for row in others):
        return "down, and no other service as up: is its database, or its broker, to blame?"
    # if several of a kind fall silent at the same time, as all computes do with the last conductor,
    # none of them is at fault; one that fell silent long before does not count
    alike = [row for row in others if row.binary == ours[0].binary]
    last = max(row.time for row in ours)
    silent = [row for row in alike if not row.is_up and last and abs(row.time - last) <= limit]
    if silent and not any(row.is_up for row in alike):
        return f"down, since the same time as {len(silent)} more: is what carries reports to blame?"
    return ""


def _is_up(report: Report, options: Options, rows: Sequence[Row]) -> bool:
    return all(place.is_up for place in _places(report, options, rows))


def _places(report: Report, options: Options, rows: Sequence[Row]) -> list[Place]:
    """The places for which a daemon with these options reports: its host, or each backend there."""
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


def _down_time(report: Report, options: Options) -> float:
    """In seconds."""
    given = numbers.whole(options.get("DEFAULT", report.option), 9)
    return report.seconds if given is None else given * report.times


def _names(places: Sequence[Place]) -> str:
    return ", ".join(place.name for place in places)


def _for(age: float) -> str:
    return f" for {age:.0f} s" if age >= 1 else ""
