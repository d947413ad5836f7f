"""A client of the cluster that asks again and again, and what became of each attempt.

It is a program of its own on the client's side of a bed's network: its first line of input is
JSON, and it prints one line of JSON for each attempt, until its input ends. So no command line ever
holds a password. `Attempts` starts such a program; `repeat` is what it does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .bed import Bed

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Attempt:
    """One request, in seconds since 1970; error is empty if it was answered as it should.

    of: what was asked for, where a client asks for several things. by: who answered, if that says.
    """

    begun: float
    ended: float
    error: str
    of: str = ""
    by: str = ""


class Attempts:
    """Starts the client `module`, and collects its attempts in the order in which they ended.

    told: its first line of input.
    """

    def __init__(self, bed: Bed, module: str, told: Mapping[str, object]) -> None:
        self.attempts: list[Attempt] = []
        self.process = subprocess.Popen(
            [*bed.enter_client(), sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            start_new_session=True,
        )
        assert self.process.stdin
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.attempts.append(Attempt(**json.loads(line)))

    def stop(self) -> None:
        """End the client."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait(10)
        self.reader.join(10)
        self.process.stdout.close()

    def last_error(self) -> str:
        """What the latest failed attempt said."""
        return next((a.error for a in reversed(self.attempts) if a.error), "none")


def repeat(asks: Sequence[Callable[[], Attempt]], pause: float, at_once: int) -> None:
    """Make an attempt at each of these every `pause` seconds, whatever became of those before, and
    print it; return never: the end of standard input ends the process.

    Each begins at its own moment in the pause. at_once: how many of one may hang at a time; there
    are no more of it until one of them ends.
    """

    def end_with_input() -> None:
        sys.stdin.read()
        os._exit(0)  # without waiting for attempts that hang

    def attempt(ask: Callable[[], Attempt], slots: threading.Semaphore) -> None:
        try:
            made = ask()
        finally:
            slots.release()
        try:
            # One write: print() would write the line's end apart, and mix the lines of two threads.
            os.write(1, json.dumps(asdict(made)).encode() + b"\n")
        except BrokenPipeError:
            os._exit(0)  # nobody reads any more

    threading.Thread(target=end_with_input, daemon=True).start()
    slots = [threading.Semaphore(at_once) for _ in asks]
    due = time.monotonic()
    while True:
        for ask, free in zip(asks, slots):
            if free.acquire(blocking=False):
                threading.Thread(target=attempt, args=(ask, free), daemon=True).start()
            # what is late is not made up for: all that was missed would be asked at once
            due = max(due + pause / len(asks), time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
