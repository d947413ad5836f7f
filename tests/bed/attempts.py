"""A client of the cluster that repeats its requests, and the result of each attempt.

The client is a separate program on the client's side of a bed's network. Its first line of input
is JSON, so no command line ever holds a password. It prints one line of JSON for each attempt,
until its input ends. `Attempts` starts such a program; `repeat` is the program's main loop.
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

from tests import pace

if TYPE_CHECKING:
    from .bed import Bed

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Attempt:
    """One request. Times are in seconds since 1970; error is empty if the answer was correct.

    of: what was requested, if there is a choice. by: which server answered, if the answer tells.
    """

    begun: float
    ended: float
    error: str
    of: str = ""
    by: str = ""


class Attempts:
    """Starts the client `module`, and collects its attempts in the order in which they ended.

    told: the client's first line of input, sent as JSON.
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
        self.process.wait(pace.seconds(10))
        self.reader.join(pace.seconds(10))
        self.process.stdout.close()

    def last_error(self) -> str:
        """The error of the latest failed attempt, "none" if none has failed."""
        return next((a.error for a in reversed(self.attempts) if a.error), "none")


def repeat(asks: Sequence[Callable[[], Attempt]], pause: Callable[[], float], at_once: int) -> None:
    """Call each of `asks` every `pause()` seconds, even if earlier calls hang; print each attempt.

    Never returns: the end of standard input ends the process. The calls begin at evenly spaced
    moments of the pause. at_once: how many calls of one function may hang at a time; no more are
    made until one ends.
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
            # One write: print() writes the newline separately, which mixes the threads' lines.
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
            # no catching up after a delay: all missed attempts would be made at once
            due = max(due + pause() / len(asks), time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
