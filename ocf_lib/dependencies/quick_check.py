"""Is what the service depends on there? Asked at each monitor (hot module).

A connection that one of its processes holds is the best evidence, and the cheapest: the daemon
itself keeps talking there. Where it needs none at the moment, the dependency is looked at from
here, once in a while.
"""

from __future__ import annotations

from ocf_lib.net.links import Link
from ocf_lib.state.notes import NOTHING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.instance import Instance
    from ocf_lib.state.notes import Notes

# How long a look that was good counts: less than the usual interval of 30 s, so that each monitor
# asks. One at a database is a log-in, for whoever leaves a MySQL server without one 100 times in a
# row is locked out by it (max_connect_errors); its cost makes it rarer.
GOOD_SECONDS, GOOD_DATABASE_SECONDS = 20.0, 55.0
# For one question to another server, before it is looked at more closely.
ASK_SECONDS = 2.0


def watch(instance: Instance) -> None:
    """Returns where all that the service depends on is there, as far as anybody can tell.

    Raises Afflicted where something is away, Failed where the service itself has not been connected
    to a broker that is there for longer than reconnect_grace.
    """
    notes = instance.notes
    if not notes["needs"]:
        from ocf_lib.dependencies import needs

        needs.note(instance)
    for name in notes["needs"].split():
        if name != NOTHING and not (is_well(notes, name) or _answers(instance, name)):
            from ocf_lib.health import blame

            blame.judge(instance, name)


def is_well(notes: Notes, name: str) -> bool:
    """Nothing was wrong with it before, and it is connected, or was good a moment ago."""
    if notes[name + ".lost"]:
        return False
    text = notes[name + ".link"]
    if text:
        link = Link.parse(text)
        return link is not None and link.is_held()
    age = notes.since(name + ".good")
    longest = GOOD_DATABASE_SECONDS if name.startswith("database") else GOOD_SECONDS
    return age is not None and age < longest


def _answers(instance: Instance, name: str) -> bool:
    """What was well at the last look, at the address it had then, still is. False sends us to look
    more closely."""
    notes = instance.notes
    asked = notes[name + ".ask"]
    if not asked or notes[name + ".link"] or notes[name + ".lost"]:
        return False
    from ocf_lib.net import http
    from ocf_lib.net.endpoint import Endpoint

    url, _, called = asked.partition(" ")
    try:
        endpoint = Endpoint.parse(url)
        endpoint.name = called
        seconds = min(ASK_SECONDS, instance.request_seconds)
        if name == "identity":
            is_well = http.get(endpoint, "/", seconds, insecure=True) < 500
        else:
            is_well = http.takes_connections(endpoint, seconds)
    except (ValueError, http.NoAnswer):
        return False
    if is_well:
        notes.stamp(name + ".good")
    return is_well
