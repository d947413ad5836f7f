"""ocf-tester on each daemon, in the background of the others' lives: it starts a daemon twice, and
each start is mostly one core's work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from tests.stack import daemons
from tests.stack.real import Real

# At a time, the test that runs in the foreground included.
AT_ONCE = 2


class Trials:
    """Runs `trial` for daemons.

    trial: one run. wanted: names of the daemons that will be asked for.
    """

    def __init__(self, trial: Callable[[Real], None], wanted: Iterable[str]) -> None:
        self.trial, self.wanted = trial, set(wanted)
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="trial")
        self._due: list[Real] = []
        self._begun: list[tuple[Real, Future[None]]] = []

    def begin(self, real: Real) -> None:
        """Have it tried once the test in the foreground is over, where a test will ask for it."""
        if real.name in self.wanted:
            self._due.append(real)

    def result(self, real: Real) -> None:
        """Return when it has passed. Raises what the trial raised."""
        known = [future for other, future in self._begun if other.name == real.name]
        (known[-1] if known else self._submit(real)).result()

    @contextmanager
    def foreground(self, real: Real) -> Iterator[None]:
        """A test has this daemon: no trial meanwhile that cannot run beside it."""
        _wait(self._in_the_way(real))
        with self._slots:
            yield
        while self._due:
            self._submit(self._due.pop())

    def end(self) -> None:
        """What has not begun will not; what runs ends with the stack."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _submit(self, real: Real) -> Future[None]:
        future = self._pool.submit(self._try, real, self._in_the_way(real))
        self._begun.append((real, future))
        return future

    def _in_the_way(self, real: Real) -> list[Future[None]]:
        """Earlier trials of this agent or of one that must run for it, or on their ports."""
        there = [real, *daemons.beside(real)]
        agents = {other.agent for other in there}
        ports = {other.port for other in there if other.port}
        return [
            future for other, future in self._begun if other.agent in agents or other.port in ports
        ]

    def _try(self, real: Real, earlier: list[Future[None]]) -> None:
        # before taking a slot: an earlier one may wait for it
        _wait(earlier)
        with self._slots:
            self.trial(real)


def _wait(futures: list[Future[None]]) -> None:
    for future in futures:
        future.exception()
