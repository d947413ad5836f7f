"""A host of the bench's own, inside namespaces, and what is measured on it.

    unshare ... python3 -m tests.bench.inside SPEC

It is process 1 of a PID namespace, alone in a network namespace: whatever it starts ends with it.
SPEC, as JSON: host (quiet, busy or paper), folder (an empty one), agents (the folder where they are
installed), rounds (calls of each case), seconds (how long the paper's resources are watched). What
it finds is one line of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.bench import hosts, paper, promptness
from tests.calling import ROOT

# Agents make folders there for projects that have none.
PRIVATE = ("run", "var/cache")


def main() -> None:
    spec = json.loads(sys.argv[1])
    folder, agents = Path(spec["folder"]), Path(spec["agents"])
    separate(folder)
    if spec["host"] == "paper":
        found = paper.measure(folder, agents, spec["seconds"])
    else:
        found = hosts.measure(folder, agents, spec["host"] == "busy", spec["rounds"])
        if spec["host"] == "quiet":
            found["promptness"] = promptness.measure(folder, agents)
    print(json.dumps(found), flush=True)
    # the end of all others here, without waiting for the threads of this one
    os._exit(0)


def separate(folder: Path) -> None:
    """Give this process a root in which nothing that is written reaches the machine's.

    It is a recursive bind of /, entered by chroot: that also works in a chroot whose / is no mount
    point, where nothing can be mounted out of sight (as in tests/bed/boot.py).
    """
    # there this fails, and changes nothing
    subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True, check=False)
    mount("-t", "tmpfs", "-o", "mode=755", "ocf-bench", folder)
    mount("--make-private", folder)
    root = folder / "root"
    root.mkdir()
    mount("--rbind", "/", root)
    mount("--make-rprivate", root)
    mount("-t", "proc", "proc", root / "proc")
    for path in PRIVATE:
        mount("-t", "tmpfs", "-o", "mode=755", "ocf-bench", root / path)
    (root / "run/lock").mkdir()
    os.chroot(root)
    os.chdir(ROOT)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def mount(*words: object) -> None:
    subprocess.run(["mount", *map(str, words)], check=True)


if __name__ == "__main__":
    main()
