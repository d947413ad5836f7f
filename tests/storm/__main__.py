"""make storm: a control plane loses Identity, broker and database; nothing must restart.

    python3 -m tests.storm --stage FOLDER [--to build/storm]

FOLDER is what `make install DESTDIR=FOLDER` made. Writes storm.svg and timeline.json. Exits with 0
if everything happened that must happen, and nothing else.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.bed import bed as beds
from tests.bed.bed import Bed, BedError
from tests.bed.node import CommandFailed

from .picture import draw
from .plant import Plant
from .play import Play
from .services import ALL, Service

INTERVALS = (5, 10)
OUTAGE_SECONDS = 120
HEAL_SECONDS = 30


def perform(
    stage: Path,
    to: Path,
    services: Sequence[Service] = ALL,
    intervals: tuple[int, int] = INTERVALS,
    seconds: float = OUTAGE_SECONDS,
    heal_seconds: float = HEAL_SECONDS,
) -> Play:
    """Run a storm, write the results to the folder `to`, and remove everything else.

    intervals: between monitors, in seconds, of nova-api and of the others. seconds, heal_seconds:
    see Play. Raises what the bed raises.
    """
    with Bed(3, [stage]) as bed:
        plant = Plant(bed, services, intervals)
        try:
            play = Play(plant, seconds, heal_seconds)
            try:
                play.run()
            finally:
                write(play, to)
            return play
        finally:
            bed.stop()  # first, so that nothing writes into the folder that is now removed
            plant.backbone.down()


def write(play: Play, to: Path) -> None:
    """Write the events and the picture; nothing if the storm never began."""
    if play.recorder is None:
        return
    to.mkdir(parents=True, exist_ok=True)
    events = list(play.recorder.events)
    facts = {
        "resources": play.plant.resources,
        "outages": [asdict(outage) for outage in play.outages],
        "problems": play.problems,
        "events": [asdict(event) for event in events],
    }
    (to / "timeline.json").write_text(json.dumps(facts, indent=1) + "\n")
    (to / "storm.svg").write_text(draw(play.plant.resources, events))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stage", type=Path, required=True, help="the DESTDIR of make install")
    parser.add_argument("--to", type=Path, default=Path("build/storm"), help="folder for results")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if missing := beds.missing_packages():
        raise BedError(f"missing Debian packages: apt-get install {' '.join(missing)}")
    play = perform(given.stage, given.to)
    print(f"\n{given.to}/storm.svg, {given.to}/timeline.json")
    if play.problems:
        print(f"\nFAILED: {len(play.problems)} problems")
        print("\n".join(f"  {problem}" for problem in play.problems))
        return 1
    print("\nnothing was restarted except what was broken on purpose")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BedError, CommandFailed, TimeoutError) as fault:
        sys.exit(f"storm: {fault}")
    except KeyboardInterrupt:
        print("interrupted: everything that the storm made was removed", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
