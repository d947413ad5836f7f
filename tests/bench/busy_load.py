"""What makes a host busy: loops that never sleep, and a process that keeps half of the memory in
use."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

LOOP = ("/usr/bin/python3", "-I", "-S", "-c", "while True: pass")
PAGE = 4096
# Bytes that stay available, or the memory is given back.
RESERVE = 2 << 30


@contextmanager
def loops(number: int) -> Iterator[None]:
    """Meanwhile this many busy loops run. Each is alone in its session: the kernel shares the CPUs
    out among sessions (sched_autogroup_enabled, on in Debian), so that loops of one session would
    all together take no more than one daemon."""
    with _running([LOOP] * number, None):
        yield


@contextmanager
def eater() -> Iterator[int]:
    """Meanwhile a process uses half of the memory that is available now; its bytes."""
    size = available() // 2
    words = ("/usr/bin/python3", "-I", "-S", __file__, str(size))
    with _running([words], "ready\n"):
        yield size


@contextmanager
def _running(commands: Sequence[Sequence[str]], word: str | None) -> Iterator[None]:
    """Meanwhile these run. word: the line that each prints once it is ready."""
    made: list[subprocess.Popen[str]] = []
    try:
        for command in commands:
            made.append(
                subprocess.Popen(
                    ["setpriv", "--pdeathsig", "KILL", "--", *command],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE if word else subprocess.DEVNULL,
                    text=True,
                    start_new_session=True,
                )
            )
        for child in made if word else ():
            assert child.stdout is not None
            assert child.stdout.readline() == word, f"{child.args} did not begin"
        yield
    finally:
        for child in made:
            child.kill()
            # closes the pipe as well
            child.communicate()


def available() -> int:
    """Bytes of memory that can be had without swapping."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    raise ValueError("/proc/meminfo has no MemAvailable")


def eat(size: int) -> None:
    """Use `size` bytes until killed; less if the machine needs them. If memory ends nevertheless,
    the kernel takes this process first."""
    Path("/proc/self/oom_score_adj").write_text("1000")
    chunk = 64 << 20
    held = []
    while len(held) * chunk < size and available() > RESERVE:
        held.append(bytearray(chunk))
        touch(held[-1])
    print("ready", flush=True)
    while held:
        if available() < RESERVE:
            held.pop()
        for one in held:
            touch(one)


def touch(memory: bytearray) -> None:
    """Write to each page."""
    memory[::PAGE] = bytes([memory[0] ^ 1]) * len(range(0, len(memory), PAGE))


if __name__ == "__main__":
    eat(int(sys.argv[1]))
