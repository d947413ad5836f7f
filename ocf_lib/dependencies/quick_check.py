"""Are the service's dependencies there? The cheap check of each monitor.

A connection that one of the service's processes holds is the best evidence, and the cheapest: the
daemon itself talks to the dependency. If it holds none at the moment, this host asks the dependency
once in a while.
"""

from __future__ import annotations

from ocf_lib.net.links import Link
from ocf_lib.state.notes import NOTHING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocf_lib.instance import Instance
    from ocf_lib.net.patience import Patience
    from ocf_lib.state.notes import Notes

# For how many seconds a good check counts. The first is less than the usual interval of 30 s, so
# each monitor asks. A check of a database is a log-in, because a MySQL server locks out a host that
# leaves 100 times in a row without one (max_connect_errors); its cost makes it rarer.
GOOD_SECONDS, GOOD_DATABASE_SECONDS = 20.0, 55.0
# Seconds for one question to another server; if it takes longer, the server gets a full check.
ASK_SECONDS = 2.0


def doubtful(instance: Instance, patience: Patience) -> Iterator[str]:
    """The names of the dependencies that need a full check, one after the other."""
    notes = instance.notes
    if not notes["needs"]:
        from ocf_lib.dependencies import needs

        needs.note(notes, instance.service, instance.parameters)
    for name in notes["needs"].split():
        if name != NOTHING and not is_well(notes, name) and not _answers(notes, name, patience):
            yield name


def is_well(notes: Notes, name: str) -> bool:
    """Whether nothing was wrong with the dependency before, and it is connected, or was good a
    moment ago."""
    if notes[name + ".lost"]:
        return False
    text = notes[name + ".link"]
    if text:
        link = Link.parse(text)
        return link is not None and link.is_held()
    age = notes.since(name + ".good")
    longest = GOOD_DATABASE_SECONDS if name.startswith("database") else GOOD_SECONDS
    return age is not None and age < longest


def _answers(notes: Notes, name: str, patience: Patience) -> bool:
    """Whether the dependency was well at the last full check, and still answers at the address that
    it had then."""
    asked = notes[name + ".ask"]
    if not asked or notes[name + ".link"] or notes[name + ".lost"]:
        return False
    from ocf_lib.net import http
    from ocf_lib.net.endpoint import Endpoint

    url, _, called = asked.partition(" ")
    try:
        endpoint = Endpoint.parse(url)
        endpoint.name = called
        seconds = min(ASK_SECONDS, patience.seconds)
        if name == "identity":
            is_well = http.ask(endpoint, "/", seconds, insecure=True).status < 500
        else:
            is_well = http.takes_connections(endpoint, seconds)
    except (ValueError, http.NoAnswer):
        return False
    if is_well:
        notes.stamp(name + ".good")
    return is_well
