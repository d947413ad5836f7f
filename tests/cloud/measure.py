"""make cluster-measure: measure what monitoring costs, what users notice of faults, and how often
the agents log in.

    python3 -m tests.cloud.measure [OPTIONS] [idle] [failover] [logins]

Measures the cloud that `make cluster` left running; with --stage, builds one and removes it
afterwards. Writes idle.json, failover.json and logins.json. With --only it writes
failover-part.json instead, so that the results of all faults, which take 15 minutes, are kept.
Exits with 1 if a figure is over its limit, or a fault was not seen to its end.
"""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bed.bed import Bed, BedError
from tests.bed.configuration import PROMPT
from tests.bed.node import CommandFailed
from tests.bed.timeline import Timeline

from . import cost, failover, log_ins
from .__main__ import KEPT, check
from .architecture import ALL, choose
from .client import PAUSE
from .cloud import INTERVAL, built
from .target import Target, aim

KINDS = ("idle", "failover", "logins")
WHOLE, PART = "failover.json", "failover-part.json"
# Seconds allowed for a node's death, whichever resources it had.
LIMITS = {"node killed": failover.PAPER}


@contextmanager
def standing() -> Iterator[Bed]:
    """Return the bed of the cloud that `make cluster` left running."""
    bed = KEPT.find()
    if not bed:
        raise BedError("no cluster is running: start one with make cluster")
    yield bed


@contextmanager
def made(stage: Path, names: Sequence[str], timeline: Timeline) -> Iterator[Bed]:
    """Build a cloud with these services (all if none is named) and remove it afterwards."""
    check(stage)
    services = choose(names) if names else ALL
    with built(stage, services, timing=PROMPT, say=timeline.say) as cloud:
        yield cloud.bed


def write(path: Path, **facts: Any) -> None:
    """Write the results as the report reads them (tests/bench/elsewhere.py)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    words = shlex.join(sys.argv[1:])
    command = "make cluster-measure" + (f" ARGS={shlex.quote(words)}" if words else "")
    path.write_text(json.dumps({"measured": now, "command": command, **facts}, indent=1) + "\n")


def measure_idle(bed: Bed, seconds: float, to: Path) -> list[str]:
    """Measure and print the idle cost; return a line for each figure over its limit."""
    nodes = cost.measure(bed, seconds)
    write(to / "idle.json", seconds=seconds, nodes=nodes)
    print("\n" + cost.table(nodes, seconds), flush=True)
    over = [each["node"] for each in nodes if cost.is_over(each)]
    return [f"over its limit: agents on {node}" for node in over]


def measure_failover(
    target: Target, only: str, rounds: int, timeline: Timeline, to: Path
) -> list[str]:
    """Play the faults with `only` in their titles, at most `rounds` times each, and print what
    was seen. Return a line for each figure over its limit and each fault not seen to its end."""
    faults = failover.everything(target)
    plan = [(fault, min(times, rounds)) for fault, times in faults if only in fault.title]
    if not plan:
        titles = ", ".join(fault.title for fault, _ in faults)
        raise BedError(f"no fault has {only!r} in its name; the faults are: {titles}")
    path = to / (PART if only else WHOLE)
    seen: list[failover.Sight] = []
    unseen: list[str] = []
    try:
        for sights, error in failover.perform(target, plan, timeline.say):
            seen += sights
            unseen += [error] if error else []
            keep_failover(target, seen, path)
    finally:  # even if interrupted: this took minutes
        if seen:
            print("\n" + failover.table(failover.gather(seen, LIMITS)), flush=True)
    rows = failover.gather(seen, LIMITS)
    over = [row for row in rows if row["limit"] is not None and row["gap"] > row["limit"]]
    return [f"over its limit: {row['fault']} ({row['request']})" for row in over] + [
        f"not measured to its end: {each}" for each in unseen
    ]


def measure_log_ins(target: Target, seconds: float, to: Path) -> list[str]:
    """Measure and print how often the agents log in; return a line if it is too often."""
    found = log_ins.measure(target, seconds)
    write(to / "logins.json", **found)
    counted = found["log_ins"]
    assert isinstance(counted, dict)
    number = sum(counted.values())
    print(
        f"\nlog-ins of the agents until {seconds:.0f} s after Keystone died on {found['nodes']}"
        f" nodes and came back: {number} (by status of the answer: {counted})",
        flush=True,
    )
    is_over = number > len(target.bed.nodes)
    return [f"over its limit: {number} log-ins; one for each node is enough"] if is_over else []


def keep_failover(target: Target, seen: Sequence[failover.Sight], path: Path) -> None:
    """Write the results so far."""
    timing = target.bed.spec["timing"]
    facts = {"nodes": len(target.bed.nodes), "interval": PAUSE, "timing": timing}
    write(path, **facts, faults=failover.gather(seen, LIMITS))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"{', '.join(KINDS)} (all)")
    parser.add_argument("--seconds", type=float, default=cost.SECONDS, help="idle: seconds (120)")
    parser.add_argument("--only", default="", help="only faults with this text in their name (all)")
    parser.add_argument("--rounds", type=int, default=3, help="most rounds of each fault (3)")
    parser.add_argument("--stage", type=Path, help="build a cloud from this DESTDIR first")
    parser.add_argument("--services", default="", help="with --stage: comma-separated agents (all)")
    parser.add_argument("--to", type=Path, default=Path("build/cluster"), help="folder for results")
    given = parser.parse_args()
    if unknown := set(given.kinds) - set(KINDS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(KINDS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    kinds, timeline = given.kinds or KINDS, Timeline()
    names = [name for name in given.services.split(",") if name]
    wrong: list[str] = []
    with made(given.stage, names, timeline) if given.stage else standing() as bed:
        target = aim(bed)
        if "idle" in kinds:
            timeline.say(f"measuring the idle cluster for {given.seconds:.0f} s")
            wrong += measure_idle(bed, given.seconds, given.to)
        if "logins" in kinds:
            timeline.say("killing Keystone on every node, without a kept token")
            wrong += measure_log_ins(target, 2 * INTERVAL, given.to)
        if "failover" in kinds:
            wrong += measure_failover(target, given.only, given.rounds, timeline, given.to)
    if wrong:
        print("\n" + "\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BedError, CommandFailed, TimeoutError, AssertionError, ValueError) as fault:
        sys.exit(f"measure: {fault}")
    except KeyboardInterrupt:
        print("interrupted: the current fault, if any, was reverted", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
