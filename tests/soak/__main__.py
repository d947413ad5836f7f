"""make soak: random faults on one node, and after each a check of what the agents report.

    python3 -m tests.soak [--minutes 10] [--seed NUMBER] [--root FOLDER]

FOLDER contains agents/ and ocf_lib/; the default is this checkout. Exits with 0 if all reports were
true, and with 1 if one was not.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
from pathlib import Path

from tests.calling import ROOT
from tests.soak.play import Play


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10, help="duration (10)")
    parser.add_argument("--seed", help="repeat the steps of an earlier run")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder with agents/ and ocf_lib/")
    given = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("make soak runs daemons as other users, so it needs root")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    seed = int(given.seed) if given.seed else random.randrange(10**6)
    command = f"make soak SEED={seed} MINUTES={given.minutes:g}"
    print(f"seed {seed}; to repeat these steps: {command}", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak.") as folder:
        Path(folder).chmod(0o755)
        play = Play(Path(folder), seed, given.root.resolve(), lambda line: print(line, flush=True))
        wrong = play.run(60 * given.minutes)
    if wrong:
        print(f"\nFAILED after {play.taken} steps of seed {seed}\n{wrong}\n\nto repeat: {command}")
        return 1
    print(f"\n{play.taken} steps of seed {seed}: all verdicts correct, no untracked process")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("interrupted: everything that the soak made was removed", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
