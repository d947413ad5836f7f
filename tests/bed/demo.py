"""The demo: a real Keystone on three nodes, kept alive by Pacemaker through four faults.

    demo.py [--keep] --stage FOLDER   FOLDER is what `make install DESTDIR=FOLDER` made
    demo.py check                     fail if a demo cannot be built or is already running
    demo.py shell N                   a shell on node N of a demo that was kept
    demo.py stop                      end the demo that was kept

Exits with 0 if the service came back after each fault, and with 1 if it did not, if something was
restarted that the demo had not broken, or if a step failed. A machine that is busy makes it slower.
"""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import suppress
from pathlib import Path

# A script belongs to no package, so import from the repository's root.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from tests.bed import bed as beds  # noqa: E402
from tests.bed import keystone as keystones  # noqa: E402
from tests.bed.bed import Bed, BedError  # noqa: E402
from tests.bed.configuration import PACEMAKER  # noqa: E402
from tests.bed.kept import ORDERS, Kept  # noqa: E402
from tests.bed.node import CommandFailed  # noqa: E402
from tests.bed.play import Play  # noqa: E402
from tests.bed.restarts import Restarted  # noqa: E402

KEPT = Kept("demo", "make demo KEEP=1", "make demo-stop")
FAULTS = (BedError, CommandFailed, keystones.KeystoneError, Restarted, TimeoutError)
AGENT = "usr/lib/ocf/resource.d/openstack/keystone"


def check(stage: Path) -> None:
    """Raise BedError if a demo is already running, or something that it needs is missing."""
    KEPT.check()
    needs = {**PACEMAKER.needs, **keystones.NEEDS}
    if missing := beds.missing_packages(needs):
        raise BedError(f"missing Debian packages: apt-get install {' '.join(missing)}")
    if not (stage / AGENT).is_file():
        raise BedError(f"no agent {stage / AGENT}: run make install DESTDIR={stage} first")


def keep(bed: Bed) -> None:
    """Keep the demo running, and print how to use and end it."""
    KEPT.keep(bed)
    print(
        "\nThe demo is still running.\n"
        "  make demo-shell NODE=1    open a shell on node-1 (or NODE=2, NODE=3)\n"
        "  make demo-stop            end the demo and remove everything that it made"
    )


def perform(stage: Path, kept: bool) -> int:
    """Run the demo; return the exit status."""
    check(stage)
    status = 0
    bed = Bed(3, [stage], keystones.BINDS)
    with bed:
        play = Play(bed)
        try:
            play.run()
        except FAULTS as fault:
            print(f"\nFAILED: {fault}", file=sys.stderr)
            with suppress(BedError, CommandFailed, TimeoutError):
                print(play.cluster.pcs("status").stdout, file=sys.stderr)
            status = 1
        finally:
            play.end()
        if kept and not status:
            keep(bed)
        else:
            print("\nending the nodes and removing what the demo made", flush=True)
    return status


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", default="play", choices=("play", *ORDERS))
    parser.add_argument("node", nargs="?", default="1", help="number of the node, for shell")
    parser.add_argument("--stage", type=Path, help="the DESTDIR of make install")
    parser.add_argument("--keep", action="store_true", help="leave the cluster running")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if given.what in ORDERS:
        KEPT.obey(given.what, given.node)
        return 0
    if not given.stage:
        parser.error("--stage is required")
    return perform(given.stage, given.keep)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BedError, CommandFailed) as fault:
        sys.exit(f"demo: {fault}")
    except KeyboardInterrupt:
        print("interrupted: everything that the demo made was removed", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
