"""`make bench`: what each call of an agent costs, as ratios to a bare interpreter in the same run.

CPU time (user and system) of the agent's process, from wait4(2): on a machine that is shared, wall
time says how busy others are. The cases take turns, so that a change of the machine's mood hits
all of them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bed.keystone import Keystone
from tests.calling import ROOT, Caller
from tests.keystone.conftest import free_port, parameters

AGENT = ROOT / "build/stage/usr/lib/ocf/resource.d/openstack/keystone"
BARE = ["/usr/bin/python3", "-I", "-S", "-c", "pass"]
# case: (what it is measured against, highest ratio that the project allows itself)
LIMITS = {
    "monitor, level 0": ("the old shell agent's PID check: 1.38", 1.4),
    "monitor, level 10, no credentials": ("", 1.7),
    "monitor, level 10, kept token": ("the old suite's command-line client: about 190", 1.7),
    "monitor, level 20 (log-in)": ("", None),
    "probe, nothing runs": ("", None),
    "meta-data": ("", None),
}
HEAVY = ("monitor, level 20 (log-in)",)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=100, help="calls of each case (100)")
    rounds = asked.parse_args().rounds
    if os.geteuid() != 0:
        sys.exit("make bench runs a Keystone as its user, which takes root")
    folder = Path(tempfile.mkdtemp(prefix="ocf-bench-"))
    folder.chmod(0o711)
    try:
        port = free_port()
        keystone = Keystone.alone(folder, port)
        keystone.make()
        caller = Caller("keystone", folder, f"bench_{port}", **parameters(keystone, port))
        try:
            for result in (caller("start", timeout=120), caller.monitor(timeout=60)):
                if result.code:
                    sys.exit(f"the Keystone to measure with did not start: {result}")
            measured = measure(caller, rounds)
        finally:
            caller("stop", timeout=60)
    finally:
        shutil.rmtree(folder)
    print_table(measured, rounds)


def measure(caller: Caller, rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each call, by case; "bare" is the interpreter alone."""
    usual = caller.environment(CRM_meta_interval=10000, CRM_meta_timeout=30000)
    anybody = {name: value for name, value in usual.items() if "_os_" not in name}
    probe = {**usual, "OCF_RESOURCE_INSTANCE": "none", "OCF_RESKEY_CRM_meta_interval": "0"}
    agent = str(AGENT)
    cases = {
        "bare": (BARE, usual),
        "monitor, level 0": ([agent, "monitor"], {**usual, "OCF_CHECK_LEVEL": "0"}),
        "monitor, level 10, no credentials": ([agent, "monitor"], anybody),
        "monitor, level 10, kept token": ([agent, "monitor"], usual),
        "monitor, level 20 (log-in)": ([agent, "monitor"], {**usual, "OCF_CHECK_LEVEL": "20"}),
        "probe, nothing runs": ([agent, "monitor"], probe),
        "meta-data": ([agent, "meta-data"], {"PATH": usual["PATH"]}),
    }
    measured: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(rounds):
        for name, (command, environment) in cases.items():
            if name in HEAVY and turn % 10:
                continue
            measured[name].append(cpu_seconds(command, environment))
    return measured


def cpu_seconds(command: list[str], environment: dict[str, str]) -> float:
    child = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 7):
        sys.exit(f"{' '.join(command)} ended with {child.returncode}")
    return usage.ru_utime + usage.ru_stime


def print_table(measured: dict[str, list[float]], rounds: int) -> None:
    bare = statistics.median(measured["bare"])
    print(
        f"\nCPU of one call, median of {rounds}; 1.00 = bare python3 -I -S, {bare * 1000:.1f} ms\n"
    )
    print(f"  {'action':36} {'ms':>7} {'ratio':>7} {'limit':>6}")
    too_dear = []
    for name, (against, limit) in LIMITS.items():
        cost = statistics.median(measured[name])
        ratio = cost / bare
        shown = "" if limit is None else f"{limit:.1f}"
        note = f"   {against}" if against else ""
        print(f"  {name:36} {cost * 1000:7.1f} {ratio:7.2f} {shown:>6}{note}")
        if limit is not None and ratio > limit:
            too_dear.append(name)
    print()
    if too_dear:
        sys.exit(f"dearer than the project allows: {'; '.join(too_dear)}")


if __name__ == "__main__":
    main()
