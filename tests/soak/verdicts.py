"""What a monitor must return, by the table in docs/verdicts.md: the codes that are correct at its
first poll and at its second."""

from __future__ import annotations

from typing import NamedTuple

from tests.soak.oracle import Sight

RUNNING, FAILED, STOPPED, DEGRADED = 0, 1, 7, 190
# How long an API that errs is excused after a dependency has come back: 30 s in
# ocf_lib/health/blame.py, the monitor's interval, and a margin for the test.
EXCUSED_SECONDS = 30 + 10 + 15

Codes = tuple[set[int], set[int]]


class Around(NamedTuple):
    """What the verdict depends on besides the processes.

    has_api: if false, the instance consumes from the broker. mode: how the API answers if a worker
    works. knows_workers: start has seen workers. is_misled: the record is about another process, as
    after a start that was killed before it could write one; then 1 is correct too. broker,
    database: well, go or freeze; empty if the instance does not need it. away: seconds since a
    neighbour that it needs was last not well, 0 if one is not well now. missing: seconds for which
    none of its processes has been connected to a broker that is well. grace: how many such seconds
    are allowed.
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
    """The correct codes at depth 0."""
    if not sight.parents:
        return {FAILED} if sight.workers else {STOPPED}
    if sight.parents & sight.frozen:
        return {FAILED}
    if not sight.workers - sight.frozen:
        return {FAILED} if around.knows_workers else {RUNNING}
    return {RUNNING, FAILED} if around.is_misled else {RUNNING}


def of_all(sight: Sight, around: Around) -> Codes:
    """The correct codes at depth 10 and above: of the first poll and of the second."""
    processes = of_processes(sight, around)
    if RUNNING not in processes:
        return processes, processes
    first, second = (_of_api if around.has_api else _of_broker)(sight, around)
    return first | processes - {RUNNING}, second | processes - {RUNNING}


def of_probe(codes: set[int]) -> set[int]:
    """The correct codes of a probe, which reports a degraded instance as running."""
    return {RUNNING if code == DEGRADED else code for code in codes}


def _of_api(sight: Sight, around: Around) -> Codes:
    # without a worker that works, nobody accepts on the parent's socket
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
    """During an outage RUNNING stays correct: a good check of the database counts for a while."""
    codes = {RUNNING} if around.database in ("", "well") else {RUNNING, DEGRADED}
    return codes, codes
