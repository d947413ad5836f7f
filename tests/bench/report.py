"""`make bench`: everything that the project measures about itself, as text, page and JSON.

CPU is measured on a quiet host, on a host with 10,000 open sockets and 2,000 processes, and for the
paper's 45 resources at the paper's intervals. Each host is a set of namespaces (inside.py), which
end with this program, however it ends. Results of make cluster-measure and make storm, which take
longer, are included if these were run before. Exits with 1 if a figure is over its limit or one
that was asked for is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.declared import MEASUREMENTS
from tests.bench.machine import describe
from tests.bench.measurement import Absent, NotMeasured, Section, section
from tests.bench.page import Report, page, verdict
from tests.bench.runs import BUILD, RUNS, Run, Wanted
from tests.bench.table import table

STAGE = BUILD / "stage"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=100, help="calls of each case (100)")
    asked.add_argument("--seconds", type=float, default=60, help="to watch the 45 resources (60)")
    asked.add_argument("--starved", type=float, default=300, help="to watch a busy host (300)")
    asked.add_argument("--stage", type=Path, default=STAGE, help="the DESTDIR of make install")
    asked.add_argument("--build", type=Path, default=BUILD, help="folder of cluster/ and storm/")
    asked.add_argument("--to", type=Path, default=BUILD / "bench", help="folder for the report")
    asked.add_argument("runs", nargs="*", metavar="RUN", help=f"any of {', '.join(RUNS)} (all)")
    given = asked.parse_args()
    unknown = set(given.runs) - set(RUNS)
    if unknown:
        asked.error(f"no run is called {', '.join(sorted(unknown))}; choose from {', '.join(RUNS)}")
    if os.geteuid() != 0:
        sys.exit("make bench builds hosts in namespaces, so it needs root")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit("interrupted; everything made was removed"))
    begun, machine = time.monotonic(), describe()
    stage = given.stage.resolve()
    wanted = Wanted(stage, given.rounds, given.seconds, given.build, given.starved)
    found, missing, failed = perform(given.runs, wanted)
    sections, without, empty = sections_of(found, missing)
    for each in sections:
        print(f"\n{table(each)}", end="")
    for title, why in without.items() if not given.runs else ():
        print(f"\n{title}: not measured here; {why}")
    written = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    seconds = time.monotonic() - begun
    report = Report(sections, without, machine, written, seconds, [*failed, *empty])
    write(report, found, given.to)
    place = os.path.relpath(given.to)
    print(f"\n{verdict(report)} Details: {place}/report.html and {place}/report.json")
    if report.problems:
        sys.exit("\n".join(report.problems))


def perform(
    names: Sequence[str], wanted: Wanted, runs: Mapping[str, Run] = RUNS
) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """Make the runs. Return, by name of the run: the findings, and the reasons for missing ones.
    Third: a line for each run that failed, or was asked for by name and has no findings."""
    found, missing, failed = {}, {}, []
    for name, run in runs.items():
        if names and name not in names:
            missing[name] = f"run {again(name)}"
            continue
        print(f"measuring: {run.title}", flush=True)
        try:
            found[name] = run.measure(wanted)
        except NotMeasured as fault:
            missing[name] = str(fault)
            if names or not isinstance(fault, Absent):
                failed.append(f"not measured: {run.title}: {fault}")
    return found, missing, failed


def again(name: str, found: Mapping[str, Any] | None = None) -> str:
    """Return the command that repeats a run; findings of other make targets name their own."""
    return str((found or {}).get("command", f'make bench ARGS="{name}"'))


def sections_of(
    found: Mapping[str, Any], missing: Mapping[str, str]
) -> tuple[list[Section], dict[str, str], list[str]]:
    """Return the sections; by title, why a section is missing; and a line for each measurement
    whose findings have no figure."""
    sections, without, empty = [], {}, []
    for each in MEASUREMENTS:
        if each.run not in found:
            without[each.title] = missing[each.run]
            continue
        try:
            its = found[each.run]
            sections.append(section(each, its, again(each.run, its)))
        except NotMeasured as fault:
            without[each.title] = str(fault)
            empty.append(f"not measured: {fault}")
    return sections, without, empty


def write(report: Report, found: Mapping[str, Any], folder: Path) -> None:
    """Write report.html and report.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_text(page(report))
    facts = {
        "written": report.written,
        "seconds": round(report.seconds, 1),
        "machine": report.machine,
        "verdict": verdict(report),
        "over": report.over,
        "failed": report.failed,
        "not_measured": report.missing,
        "figures": [figure for each in report.sections for figure in figures(each)],
        "found": found,
    }
    (folder / "report.json").write_text(json.dumps(facts, indent=1) + "\n")


def figures(section: Section) -> Iterator[dict[str, Any]]:
    """Return the rows of a section, each as an object for JSON."""
    measurement = section.measurement
    units = [column.unit for column in measurement.columns]
    for row in section.rows:
        yield {
            "measurement": measurement.title,
            "name": row.name,
            "figures": dict(zip(units, row.figures)),
            "limit": row.limit,
            "verdict": row.verdict,
            "paper": measurement.claim.words if measurement.claim else None,
            "command": section.command,
        }


if __name__ == "__main__":
    main()
