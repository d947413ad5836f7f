"""make cluster-measure: what monitoring costs on a standing cloud, what users notice of faults.

    python3 -m tests.cloud.measure [--seconds 120] [--to build/cluster] [idle] [failover]

Of the cloud that `make cluster` left standing. Writes idle.json and failover.json, and exits with 1
where a figure is over its limit.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

from tests.bed.bed import Bed, BedError
from tests.bed.node import CommandFailed
from tests.bed.timeline import Timeline

from . import cost, failover
from .client import PAUSE
from .target import Target, aim

KINDS = ("idle", "failover")
COMMAND = "make cluster-measure"
# What a node's death may take, whatever it held.
LIMITS = {"node killed": failover.PAPER}


def write(path: Path, **facts: Any) -> None:
    """As the report reads it (tests/bench)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    path.write_text(json.dumps({"measured": now, "command": COMMAND, **facts}, indent=1) + "\n")


def measure_idle(bed: Bed, seconds: float, to: Path) -> list[str]:
    """Measure and print it; return what is over its limit."""
    nodes = cost.measure(bed, seconds)
    write(to / "idle.json", seconds=seconds, nodes=nodes)
    print("\n" + cost.table(nodes, seconds), flush=True)
    return [f"agents on {each['node']}" for each in nodes if each["agents"] > each["limit"]]


def measure_failover(target: Target, timeline: Timeline, to: Path) -> list[str]:
    """Strike, print what was seen, and return what is over its limit."""
    seen = failover.perform(target, failover.everything(target), timeline.say)
    rows = failover.gather(seen, LIMITS)
    timing = target.bed.spec["timing"]
    facts = {"nodes": len(target.bed.nodes), "interval": PAUSE, "timing": timing, "faults": rows}
    write(to / "failover.json", **facts)
    print("\n" + failover.table(rows), flush=True)
    over = [row for row in rows if row["limit"] is not None and row["gap"] > row["limit"]]
    return [f"{row['fault']} ({row['request']})" for row in over]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)} (both)")
    parser.add_argument("--supervisor", type=int, required=True, help="PID: of the bed it is on")
    parser.add_argument("--seconds", type=float, default=cost.SECONDS, help="for idle (120)")
    parser.add_argument("--to", type=Path, default=Path("build/cluster"), help="folder for results")
    given = parser.parse_args()
    if unknown := set(given.kinds) - set(KINDS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    kinds = given.kinds or KINDS
    timeline = Timeline()
    bed = Bed.find(given.supervisor)
    target = aim(bed)
    over: list[str] = []
    if "idle" in kinds:
        timeline.say(f"the cluster is let be for {given.seconds:.0f} s")
        over += measure_idle(bed, given.seconds, given.to)
    if "failover" in kinds:
        over += measure_failover(target, timeline, given.to)
    if over:
        print(f"\nover its limit: {'; '.join(over)}")
    return 1 if over else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BedError, CommandFailed, TimeoutError) as fault:
        sys.exit(f"measure: {fault}")
    except KeyboardInterrupt:
        print("interrupted: what was struck last may not be undone", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
