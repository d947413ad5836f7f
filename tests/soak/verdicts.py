"""What a monitor must say, by the table of docs/verdicts.md, as the codes that are true at its
first poll and at the one after that."""

from __future__ import annotations

from typing import NamedTuple

from tests.soak.oracle import Sight

RUNNING, FAILED, STOPPED, DEGRADED = 0, 1, 7, 190
# Of a dependency that was away: so long its return excuses an API that errs (ocf_lib/blame.py),
# beside the interval of the monitor, and a while for us.
EXCUSED_SECONDS = 30 + 10 + 15

Codes = tuple[set[int], set[int]]


class Around(NamedTuple):
    """What the verdict depends on beside the processes.

    has_api: or else it works for the broker. mode: how the API answers where a worker works.
    knows_workers: start has seen some. is_misled: the record is of another process, as after a
    start that was killed before it could write one; 1 is no lie then. broker, database: "" where it
    needs none, well, go, freeze. away: seconds since one that it needs was not well; 0 is now.
    missing: seconds that no process of it has been connected to a broker that is well. grace: how
    long it may be so.
    """

    has_api: bool
    mode: str
    knows_workers: bool
    is_misled: bool
    broker: str
    database: str
    away: float
    missing: float
    grace: float


def of_processes(sight: Sight, around: Around) -> set[int]:
    """At depth 0."""
    if not sight.parents:
        return {FAILED} if sight.workers else {STOPPED}
    if sight.parents & sight.frozen:
        return {FAILED}
    if not sight.workers - sight.frozen:
        return {FAILED} if around.knows_workers else {RUNNING}
    return {RUNNING, FAILED} if around.is_misled else {RUNNING}


def of_all(sight: Sight, around: Around) -> Codes:
    """At depth 10 and above."""
    processes = of_processes(sight, around)
    if RUNNING not in processes:
        return processes, processes
    first, second = (_of_api if around.has_api else _of_broker)(sight, around)
    return first | processes - {RUNNING}, second | processes - {RUNNING}


def of_probe(codes: set[int]) -> set[int]:
    """To a probe degraded is running."""
    return {RUNNING if code == DEGRADED else code for code in codes}


def _of_api(sight: Sight, around: Around) -> Codes:
    # nobody takes what comes to the parent's socket
    mode = around.mode if sight.workers - sight.frozen else "hang"
    if mode == "ok":
        return _of_database(around)
    if mode in ("500", "hang") and not sight.frozen:
        if around.database not in ("", "well"):
            return {RUNNING, DEGRADED}, {DEGRADED}
        if around.away < EXCUSED_SECONDS:
            return {FAILED, DEGRADED}, {FAILED, DEGRADED}
    return {FAILED}, {FAILED}


def _of_broker(sight: Sight, around: Around) -> Codes:
    if sight.is_connected:
        return _of_database(around)
    if around.broker != "well":
        return {RUNNING, DEGRADED}, {DEGRADED}
    if around.missing < around.grace:
        return {RUNNING, DEGRADED}, {DEGRADED}
    return {RUNNING, DEGRADED, FAILED}, {DEGRADED, FAILED}


def _of_database(around: Around) -> Codes:
    """A look at it that was good counts for a while."""
    codes = {RUNNING} if around.database in ("", "well") else {RUNNING, DEGRADED}
    return codes, codes
