"""What users of the cloud notice of each fault, measured from their side of the virtual address."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from math import inf
from typing import Any

from tests.bed.attempts import Attempt
from tests.bed.bed import BedError
from tests.bed.node import CommandFailed
from tests.bed.waiting import wait_until

from .client import PAUSE, Question, User, failed, longest_gap, recovery
from .faults import (
    COORDINATOR,
    HOLDER,
    OTHER,
    DaemonFrozen,
    DaemonKilled,
    Fault,
    Moved,
    NetworkCut,
    NodeKilled,
    Standby,
)
from .shares import Logs, Shares, divide
from .target import Target

# The paper's claim, and our limit for a node's death, in seconds.
PAPER = 2.0
# The next monitor comes within 30 s and finds a frozen daemon within its timeout; then the
# daemon is stopped and started.
OVER_SECONDS = 240.0
# A service is back after this many good answers in a row to each question.
GOOD = 10
ANSWER_SECONDS = 60.0


@dataclass(frozen=True)
class Sight:
    """What a user saw of one fault, for one question. Times are in seconds. gap: the longest
    without an answer. answered: from the fault to the first answer to a later request. recovered:
    from the fault to the first answer after the last failure, None if nothing failed. shares: how
    `answered` divides, None if unknown. errors: count of each error. by: for requests after the
    fault, how many each node answered.
    """

    fault: str
    request: str
    gap: float
    requests: int
    failed: int
    answered: float
    recovered: float | None
    shares: Shares | None
    errors: dict[str, int]
    by: dict[str, int]


def play(target: Target, fault: Fault, say: Callable[[str], None]) -> list[Sight]:
    """Play one fault, from its preparation to its undoing; return what a user saw. The user asks
    only until all is answered again. say: called with a line about each step."""
    fault.prepare()
    user = User(target.bed, target.identity, target.login, target.questions)
    try:
        wait_answers(user)
        logs = Logs(node for node in target.bed.nodes if node.name != fault.node.name)
        say(f"{fault.title}: {fault.node}")
        try:
            at = fault.strike()
            wait_until(fault.is_over, OVER_SECONDS, f"the cluster handled {fault.title!r}", 0.5)
            wait_answers(user)
        except BaseException:  # Ctrl-C too: the cloud may outlive this program
            with suppress(BedError, CommandFailed, TimeoutError):
                fault.mend()
            raise
        until = time.time()
        lines = logs.lines() if fault.is_told else []
    finally:
        user.stop()
    seen = [
        see(fault.title, each, user.those(each), at, until, lines, target.address)
        for each in target.questions
    ]
    for sight in seen:
        say(f"  {told(sight)}")
    fault.undo()
    return seen


def wait_answers(user: User) -> None:
    """Wait until the last GOOD answers to each question, about a second's worth, were good."""
    since = time.time()
    what = f"users did not get {GOOD} good answers in a row to each question; last error: "
    try:
        wait_until(lambda: user.answers_since(since, GOOD), ANSWER_SECONDS, what)
    except TimeoutError:
        raise TimeoutError(what + user.last_error()) from None


def see(
    fault: str,
    question: Question,
    attempts: Sequence[Attempt],
    at: float,
    until: float,
    lines: Sequence[str],
    address: str,
) -> Sight:
    """Return what a user saw for one question. at: time of the fault. until: its end."""
    bad = failed(attempts, at, until)
    answer = next_answer(attempts, at)
    good = [each for each in attempts if not each.error and at < each.begun <= until]
    return Sight(
        fault=fault,
        request=question.name,
        gap=longest_gap(attempts, at, until),
        requests=sum(1 for each in attempts if at <= each.begun <= until),
        failed=len(bad),
        answered=answer - at,
        recovered=recovery(attempts, at, until),
        shares=divide(lines, at, address, answer) if lines else None,
        errors=Counter(each.error for each in bad),
        by=Counter(each.by for each in good),
    )


def next_answer(attempts: Iterable[Attempt], at: float) -> float:
    """Return the time of the first good answer to a request begun after the fault, in seconds since
    1970; infinity if there is none."""
    return min((each.ended for each in attempts if not each.error and each.begun > at), default=inf)


def told(sight: Sight) -> str:
    """Return a line of text for the terminal."""
    text = f"{sight.request:12} longest gap {sight.gap:5.2f} s, next answer after "
    text += f"{sight.answered:.2f} s, {sight.failed} failed"
    if sight.shares:
        text += "; " + ", ".join(f"{k} {v:.2f}" for k, v in asdict(sight.shares).items())
    if sight.errors:
        text += "; " + ", ".join(f"{count} x {error}" for error, count in sight.errors.items())
    return text


def everything(target: Target) -> list[tuple[Fault, int]]:
    """Return all faults with their numbers of rounds; quick ones are played more than once."""
    questions = target.questions
    return [
        *((DaemonKilled(target, each), 1) for each in questions),
        *((DaemonFrozen(target, each), 1) for each in questions),
        (NodeKilled(target, HOLDER), 3),
        (NodeKilled(target, COORDINATOR), 3),
        (NodeKilled(target, OTHER), 1),
        (NetworkCut(target, HOLDER), 1),
        (Standby(target), 1),
        (Moved(target), 3),
    ]


def perform(
    target: Target, plan: Iterable[tuple[Fault, int]], say: Callable[[str], None]
) -> Iterator[tuple[list[Sight], str]]:
    """Play each fault as often as planned. Yields for each round what was seen, and why it was not
    seen to its end ("" if it was). Raises TimeoutError if the cloud does not recover after a fault
    that was not seen to its end."""
    for fault, times in plan:
        for _ in range(times):
            try:
                yield play(target, fault, say), ""
            except (BedError, CommandFailed, TimeoutError) as error:
                say(f"{fault.title}: not measured to its end: {error}")
                yield [], f"{fault.title}: {error}"
                fault.wait_whole()


def gather(seen: Iterable[Sight], limits: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return a row for each fault and question, with medians over the rounds. limits: seconds
    allowed, by the beginning of a fault's name."""
    rounds: dict[tuple[str, str], list[Sight]] = {}
    for sight in seen:
        rounds.setdefault((sight.fault, sight.request), []).append(sight)
    rows = []
    for (fault, request), its in rounds.items():
        shares = [sight.shares for sight in its if sight.shares]
        middle = {
            name: statistics.median(getattr(each, name) for each in shares) if shares else None
            for name in Shares.__dataclass_fields__
        }
        back = [sight.recovered for sight in its if sight.recovered is not None]
        limit = [limits[name] for name in limits if fault.startswith(name)]
        rows.append(
            {
                "fault": fault,
                "request": request,
                "gap": statistics.median(sight.gap for sight in its),
                "longest": max(sight.gap for sight in its),
                "rounds": len(its),
                "requests": sum(sight.requests for sight in its),
                "failed": sum(sight.failed for sight in its),
                "answered": statistics.median(sight.answered for sight in its),
                "noticed": middle["corosync"],
                "recovered": statistics.median(back) if back else None,
                **middle,
                "limit": limit[0] if limit else None,
            }
        )
    return rows


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as text for a terminal, with the paper's figure."""
    names = [*Shares.__dataclass_fields__]
    width = max(len(row["fault"]) for row in rows)
    head = (
        f"  {'fault':{width}}  {'request':11} {'gap':>6} {'longest':>7} {'next':>6} {'failed':>9}"
    )
    lines = [
        f"seconds without an answer to a request every {PAUSE:g} s; the paper: {PAPER:g} s",
        f"{head}  " + " ".join(f"{name:>9}" for name in names),
    ]
    for row in rows:
        figures = " ".join(f"{'-' if row[n] is None else format(row[n], '.2f'):>9}" for n in names)
        verdict = "" if row["limit"] is None else "  OVER" if row["gap"] > row["limit"] else "  ok"
        count = f"{row['failed']}/{row['requests']}"
        lines.append(
            f"  {row['fault']:{width}}  {row['request']:11} {row['gap']:6.2f} "
            f"{row['longest']:7.2f} {row['answered']:6.2f} {count:>9}  {figures}{verdict}"
        )
    return "\n".join(lines)
