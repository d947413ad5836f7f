"""The way from the kill of a daemon to the next token, step by step, and who takes each step.

    the sentinel tells    from the kill to Pacemaker's "Failing resource": the sentinel, which calls
                          crm_mon and crm_resource
    Pacemaker decides     to the execution of stop
    stop                  to its end
    Pacemaker orders      to the execution of start
    start runs it         to the birth of the daemon (proc(5), 10 ms)
    the daemon starts     to its last answer to start, without what lies between two answers
    start ends            what lies between two answers, and from the last one to the end of start
    a client asks         to its token, 0 if the token came before the end of start

The moments are in Pacemaker's log and in the daemon's own, both of which have milliseconds (those
of Pacemaker come in steps of 4). Nothing is estimated: a moment that is in no log leaves no steps.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.bed.keystone import REQUEST
from tests.bed.node import Node
from tests.cloud.shares import Logs, first

OURS, PACEMAKER, DAEMON, CLIENT = "ours", "Pacemaker", "Keystone", "client"
STEPS = (
    ("the sentinel tells Pacemaker", OURS),
    ("Pacemaker decides", PACEMAKER),
    ("stop", OURS),
    ("Pacemaker orders the start", PACEMAKER),
    ("start runs the daemon", OURS),
    ("the daemon starts", DAEMON),
    ("start ends", OURS),
    ("a client gets its token", CLIENT),
)
# The agent asks at this address.
HERE = "127.0.0.1"


class Answer(NamedTuple):
    """A request that the daemon has answered: who asked, when it was read and when it was answered,
    in seconds since 1970."""

    by: str
    begun: float
    ended: float


class Way:
    """What a node and its Keystone log after this object is created."""

    def __init__(self, node: Node, log: str) -> None:
        self.logs = Logs([node])
        path = node.folder / log.lstrip("/")
        if path.exists():
            self.logs.begins[path] = path.stat().st_size

    def steps(self, name: str, kill: float, birth: float, token: float) -> list[float] | None:
        """Return the seconds of each of STEPS. name: of the resource. The moments are in seconds
        since 1970. None if a moment is in no log."""
        return divide(self.logs.lines(), name, kill, birth, token)


def divide(
    lines: Sequence[str], name: str, kill: float, birth: float, token: float
) -> list[float] | None:
    marks = [kill]
    for words in (
        f"Failing resource {name}",
        f"executing - rsc:{name} action:stop",
        f"{name} stop (call",
        f"executing - rsc:{name} action:start",
        f"{name} start (call",
    ):
        mark = first(lines, words, marks[-1])
        if mark is None:
            return None
        marks.append(max(mark, marks[-1]))
    *_, ordered, ended = marks
    ours = [each for each in answers(lines) if each.by == HERE and birth < each.begun < ended]
    if not ours or not ordered - 0.02 < birth < ended:
        return None
    last = min(max(each.ended for each in ours), ended)
    begun = min(each.ended for each in ours)
    idle = max(0.0, last - begun - sum(each.ended - each.begun for each in ours[1:]))
    upto = [after - at for at, after in zip(marks, marks[1:-1])]
    launch = max(0.0, birth - ordered)
    return [*upto, launch, last - birth - idle, idle + ended - last, max(0.0, token - ended)]


def answers(lines: Iterable[str]) -> list[Answer]:
    """Return the daemon's answers, in the order in which they began."""
    found = []
    for line in lines:
        if match := re.search(REQUEST, line):
            begun, lasted = int(match[2]) / 1000, int(match[3]) / 1000
            found.append(Answer(match[1], begun, begun + lasted))
    return sorted(found, key=lambda each: each.begun)


def birth_of(pid: int) -> float:
    """Return when a process was forked, in seconds since 1970, to within 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    seconds = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + seconds
