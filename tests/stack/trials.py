"""Runs ocf-tester on each daemon, in the background of the tests of other daemons. It starts a
daemon twice, and each start is mostly the work of one core."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from tests.stack import daemons
from tests.stack.real import Real

# How many run at a time, with the test that runs in the foreground.
AT_ONCE = 2


class Trials:
    """Runs `trial` for daemons.

    trial: does one run. wanted: names of the daemons whose result a test will want.
    """

    def __init__(self, trial: Callable[[Real], None], wanted: Iterable[str]) -> None:
        self.trial, self.wanted = trial, set(wanted)
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="trial")
        self._due: list[Real] = []
        self._begun: list[tuple[Real, Future[None]]] = []

    def begin(self, real: Real) -> None:
        """Begin a trial after the test in the foreground, if a test will want its result."""
        if real.name in self.wanted:
            self._due.append(real)

    def result(self, real: Real) -> None:
        """Return when the daemon has passed its trial. Raises what the trial raised."""
        known = [future for other, future in self._begun if other.name == real.name]
        (known[-1] if known else self._submit(real)).result()

    @contextmanager
    def foreground(self, real: Real) -> Iterator[None]:
        """For a test that uses this daemon: no trial that conflicts with it runs meanwhile."""
        _wait(self._in_the_way(real))
        with self._slots:
            yield
        while self._due:
            self._submit(self._due.pop())

    def end(self) -> None:
        """Cancel the trials that have not begun. Those that run end with the stack."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _submit(self, real: Real) -> Future[None]:
        future = self._pool.submit(self._try, real, self._in_the_way(real))
        self._begun.append((real, future))
        return future

    def _in_the_way(self, real: Real) -> list[Future[None]]:
        """Earlier trials of this agent, of an agent that must run for it, or on their ports."""
        there = [real, *daemons.beside(real)]
        agents = {other.agent for other in there}
        ports = {other.port for other in there if other.port}
        return [
            future for other, future in self._begun if other.agent in agents or other.port in ports
        ]

    def _try(self, real: Real, earlier: list[Future[None]]) -> None:
        # before taking a slot: an earlier trial may wait for it
        _wait(earlier)
        with self._slots:
            self.trial(real)


def _wait(futures: list[Future[None]]) -> None:
    for future in futures:
        future.exception()
