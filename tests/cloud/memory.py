"""How much of the machine's memory the cloud takes."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20


@dataclass
class Memory:
    """Memory in bytes. rss counts a shared page once for each process, pss once in all."""

    processes: int = 0
    rss: int = 0
    pss: int = 0

    def __str__(self) -> str:
        pss, rss = round(self.pss / MIB), round(self.rss / MIB)
        return f"{self.processes:4d} processes, {pss:5d} MiB (RSS {rss} MiB)"


def of_namespace(kind: str, pid: int) -> Memory:
    """Return the memory of all processes in the namespace of `pid`. kind: "pid" or "net"."""
    found = Memory()
    namespace = os.readlink(f"/proc/{pid}/ns/{kind}")
    for folder in Path("/proc").glob("[0-9]*"):
        # a process may end meanwhile; zombies and kernel threads have no memory
        with suppress(OSError, KeyError):
            if os.readlink(folder / "ns" / kind) == namespace:
                facts = dict(
                    line.split(":", 1)
                    for line in (folder / "smaps_rollup").read_text().splitlines()[1:]
                )
                found.processes += 1
                found.rss += _bytes(facts["Rss"])
                found.pss += _bytes(facts["Pss"])
    return found


def _bytes(field: str) -> int:
    return int(field.split()[0]) * 1024
