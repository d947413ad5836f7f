"""Which machine, and which software: what a figure is of."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

from tests.calling import ROOT

PACKAGES = ("pacemaker", "corosync", "pcs", "resource-agents")


def describe() -> dict[str, str]:
    """What a reader must know to compare these figures with theirs, in the order to read it in."""
    usable, all_cores = len(os.sched_getaffinity(0)), os.cpu_count()
    load = os.getloadavg()
    return {
        "CPU": line_of("/proc/cpuinfo", "model name", platform.machine()),
        "cores": f"{usable} of {all_cores}" if usable != all_cores else str(usable),
        "memory": gibibytes(line_of("/proc/meminfo", "MemTotal", "")),
        "load before": f"{load[0]:.1f} (1 min), {load[1]:.1f} (5 min)",
        "kernel": f"{platform.system()} {platform.release()}",
        "system": system(),
        "Python": f"{platform.python_version()} ({sys.executable})",
        **{package: version(package) for package in PACKAGES},
        "agents": commit(),
    }


def line_of(path: str, key: str, otherwise: str) -> str:
    """The value of the first `key : value` in a file of /proc."""
    for line in Path(path).read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return otherwise


def gibibytes(kilobytes: str) -> str:
    number = kilobytes.partition(" ")[0]
    return f"{int(number) / 2**20:.1f} GiB" if number.isdecimal() else "unknown"


def system() -> str:
    """The distribution, with Debian's point release."""
    known = {}
    for line in Path("/etc/os-release").read_text().splitlines():
        name, _, value = line.partition("=")
        known[name] = value.strip('"')
    point = Path("/etc/debian_version")
    release = f" ({point.read_text().strip()})" if point.is_file() else ""
    return known.get("PRETTY_NAME", "unknown") + release


def version(package: str) -> str:
    """Of an installed Debian package."""
    return said("dpkg-query", "--show", "--showformat", "${Version}", package) or "not installed"


def commit() -> str:
    """What was measured: the commit, and whether the checkout differs from it."""
    return said("git", "-C", str(ROOT), "describe", "--always", "--dirty", "--tags") or "unknown"


def said(*words: str) -> str:
    """What a command prints, "" where it fails or is not there."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
