"""What the cloud takes of the machine's memory."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20


@dataclass
class Memory:
    """In bytes. rss counts what processes share once for each, pss once in all."""

    processes: int = 0
    rss: int = 0
    pss: int = 0

    def __str__(self) -> str:
        pss, rss = round(self.pss / MIB), round(self.rss / MIB)
        return f"{self.processes:4d} processes, {pss:5d} MiB (RSS {rss} MiB)"


def of_namespace(kind: str, pid: int) -> Memory:
    """What all processes take together that are in the namespace ("pid", "net") of this one."""
    found = Memory()
    namespace = os.readlink(f"/proc/{pid}/ns/{kind}")
    for folder in Path("/proc").glob("[0-9]*"):
        # it ends meanwhile; a zombie and the kernel's own threads have no memory
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
