"""How the seconds between a node's death and the next answer divide, from the survivors' logs.

    corosync   from the death to the first new membership (corosync.log, "A new membership")
    pacemaker  from there to the fencing, and from its end to the start of the address: elections,
               joins, computing the transition (pacemaker.log)
    fencing    from the request to the report that the node is down: Pacemaker's query of its peers,
               and the run of the fence agent
    address    the start of IPaddr2, from its initiation to its result
    rest       from there to the next answer: the neighbours' ARP, the balancer, the service

Both logs have milliseconds. Nothing is estimated: if a moment is in no log, there are no shares.
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
    """Seconds of each share; their sum is the time from the death to the answer."""

    corosync: float
    pacemaker: float
    fencing: float
    address: float
    rest: float


class Logs:
    """What the nodes log after this object is created. names: the logs, below a node's folder."""

    def __init__(
        self, nodes: Iterable[Node], names: Sequence[str] = (COROSYNC_LOG, PACEMAKER_LOG)
    ) -> None:
        paths = [node.folder / name for node in nodes for name in names]
        self.begins = {path: path.stat().st_size for path in paths if path.exists()}

    def lines(self) -> list[str]:
        """Return all new lines, in no order. A log that was rotated is read from its beginning."""
        found: list[str] = []
        for path, begin in self.begins.items():
            said = path.read_bytes()
            found += said[begin if begin <= len(said) else 0 :].decode(errors="replace").split("\n")
        return found


def stamp(line: str, year: int) -> float | None:
    """Return when a line was written, in seconds since 1970; None if it has no time."""
    found = STAMP.match(line)
    if not found:
        return None
    day = time.strptime(f"{year} {found[1]}", "%Y %b %d %H:%M:%S")
    return time.mktime(day) + int(found[2]) / 1000


def first(lines: Iterable[str], words: str, since: float) -> float | None:
    """Return when a line with these words was first written after `since`; None if never."""
    year = time.localtime(since).tm_year
    # logs truncate to milliseconds, so allow one
    times = [at for line in lines if words in line and (at := stamp(line, year)) is not None]
    return min((at for at in times if at > since - 0.001), default=None)


def divide(lines: Sequence[str], blow: float, address: str, answer: float) -> Shares | None:
    """Return the shares of one outage; None if a moment is missing in the logs. blow: the time of
    the node's death. address: name of the resource.

    Nothing after the answer counts: the address is up before its agent ends.
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
