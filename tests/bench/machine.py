"""Describes the machine and the software that were measured."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

from tests.calling import ROOT

PACKAGES = ("pacemaker", "corosync", "pcs", "resource-agents")


def describe() -> dict[str, str]:
    """Return what a reader needs to compare the figures with their own, in reading order."""
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
    """Return the value of the first `key : value` line in a file of /proc, else `otherwise`."""
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
    """Return the version of an installed Debian package."""
    return said("dpkg-query", "--show", "--showformat", "${Version}", package) or "not installed"


def commit() -> str:
    """Return the commit that was measured, marked if the checkout differs from it."""
    return said("git", "-C", str(ROOT), "describe", "--always", "--dirty", "--tags") or "unknown"


def said(*words: str) -> str:
    """Return what a command prints, "" if it fails or does not exist."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
