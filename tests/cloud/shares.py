"""Whose the seconds between a node's death and the next answer are, read from the survivors' logs.

    corosync   from the blow to the first new membership (corosync.log, "A new membership")
    pacemaker  from there to the fencing, and from its end to the start of the address: elections,
               joins, computing the transition (pacemaker.log)
    fencing    from the request to the news that the node is gone: Pacemaker's asking around, and
               the fence agent's run
    address    IPaddr2's start, from the order to its result
    rest       from there to the next answer: the neighbours' ARP, the balancer, the service

Both write milliseconds. Nothing is estimated: a moment that is in no log has no share.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.bed.node import Node

COROSYNC_LOG, PACEMAKER_LOG = "var/log/corosync/corosync.log", "var/log/pacemaker/pacemaker.log"
STAMP = re.compile(r"(\w{3} [ \d]\d \d\d:\d\d:\d\d)\.(\d{3})")
MEMBERSHIP = "A new membership"
REQUEST, FENCED = "Requesting fencing (", "was terminated ("


@dataclass(frozen=True)
class Shares:
    """Seconds of each, which together are those from the blow to the answer."""

    corosync: float
    pacemaker: float
    fencing: float
    address: float
    rest: float


class Logs:
    """What the nodes log from now on."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        paths = [node.folder / name for node in nodes for name in (COROSYNC_LOG, PACEMAKER_LOG)]
        self.begins = {path: path.stat().st_size for path in paths if path.exists()}

    def lines(self) -> list[str]:
        """All of it, in no order; a log that is kept anew since then is read from its beginning."""
        found: list[str] = []
        for path, begin in self.begins.items():
            said = path.read_bytes()
            found += said[begin if begin <= len(said) else 0 :].decode(errors="replace").split("\n")
        return found


def stamp(line: str, year: int) -> float | None:
    """When a line was written, in seconds since 1970; None where it does not say."""
    found = STAMP.match(line)
    if not found:
        return None
    day = time.strptime(f"{year} {found[1]}", "%Y %b %d %H:%M:%S")
    return time.mktime(day) + int(found[2]) / 1000


def first(lines: Iterable[str], words: str, since: float) -> float | None:
    """When a line with these words was written first after that; None if never."""
    year = time.localtime(since).tm_year
    # a millisecond is lost in the log
    times = [at for line in lines if words in line and (at := stamp(line, year)) is not None]
    return min((at for at in times if at > since - 0.001), default=None)


def divide(lines: Sequence[str], blow: float, address: str, answer: float) -> Shares | None:
    """The shares of one outage. address: the resource. None where the logs lack one of the moments.

    What happens after the answer has no share in the outage: the agent of the address ends after
    it has the address up.
    """
    marks = [blow]
    for words in (
        MEMBERSHIP,
        REQUEST,
        FENCED,
        f"Initiating start operation {address}_start_0",
        f"Result of start operation for {address} on",
    ):
        mark = first(lines, words, marks[-1])
        if mark is None:
            return None
        marks.append(max(mark, marks[-1]))
    marks = [min(mark, answer) for mark in marks]
    noticed, decided, fenced, ordered, up = (after - at for at, after in zip(marks, marks[1:]))
    return Shares(noticed, decided + ordered, fenced, up, answer - marks[-1])
