"""Measures on a separate host, made of namespaces.

    unshare ... python3 -m tests.bench.inside SPEC

This program is process 1 of a PID namespace, alone in a network namespace: whatever it starts ends
with it. SPEC is JSON: host (quiet, busy, paper or logins), folder (an empty one), agents (the
folder of the installed agents), rounds (calls of each case), seconds (how long resources are
watched). It prints its findings as one line of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.bench import hosts, logins, paper, promptness
from tests.calling import ROOT

# Where agents create the runtime folders that a project lacks.
PRIVATE = ("run", "var/cache")


def main() -> None:
    spec = json.loads(sys.argv[1])
    folder, agents = Path(spec["folder"]), Path(spec["agents"])
    separate(folder)
    if spec["host"] == "paper":
        found = paper.measure(folder, agents, spec["seconds"])
    elif spec["host"] == "logins":
        found = logins.measure(folder, agents, spec["seconds"])
    else:
        found = hosts.measure(folder, agents, spec["host"] == "busy", spec["rounds"])
        if spec["host"] == "quiet":
            found["promptness"] = promptness.measure(folder, agents)
    print(json.dumps(found), flush=True)
    # ends every process here, without waiting for this one's threads
    os._exit(0)


def separate(folder: Path) -> None:
    """Give this process a root of its own, so that nothing written below PRIVATE reaches the
    machine.

    The root is a recursive bind mount of /, entered by chroot. This also works inside a chroot
    whose / is no mount point, where mounts cannot be made private (as in tests/bed/boot.py).
    """
    # fails inside such a chroot, and then changes nothing
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
