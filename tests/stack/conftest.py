"""One stack for all tests of a run, and a report of what its daemons did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.calling import Caller
from tests.stack import daemons, report
from tests.stack.real import Real
from tests.stack.stack import Stack
from tests.stack.tester import run_ocf_tester
from tests.stack.trials import Trials

HERE = Path(__file__).parent
LINES = 30


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """If tests run in several workers (pytest-xdist), give one worker all tests of the stack."""
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.xdist_group("stack"))


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The stack. In the background, it prepares what later tests need."""
    stack = _up()
    try:
        for real in _asked(request, "real"):
            stack.prepare(real.needs)
        yield stack
        for agent in reversed(list(stack.kept)):
            daemons.release(stack, agent)
    finally:
        stack.down()


def _up() -> Stack:
    """A stack whose servers answer. Every test needs it: one that was only late is made again."""
    for is_last in (False, True):
        stack = Stack()
        try:
            stack.up()
            break
        except BaseException as error:
            stack.down()
            if is_last or not isinstance(error, (TimeoutError, requests.Timeout)):
                raise
    return stack


@pytest.fixture(scope="session")
def trials(request: pytest.FixtureRequest, stack: Stack, readable: Path) -> Iterator[Trials]:
    """Runs ocf-tester on the daemons for which a test of this run wants its result."""

    def trial(real: Real) -> None:
        caller = daemons.ready(stack, real)
        try:
            run_ocf_tester(caller, readable)
        finally:
            daemons.stop(caller)

    trials = Trials(trial, (real.name for real in _asked(request, "tried")))
    try:
        yield trials
    finally:
        trials.end()


def _asked(request: pytest.FixtureRequest, name: str) -> list[Real]:
    """The values of this parameter in all tests of the run."""
    items = (item for item in request.session.items if hasattr(item, "callspec"))
    found = (item.callspec.params.get(name) for item in items)
    return [real for real in found if isinstance(real, Real)]


@pytest.fixture
def running(stack: Stack, trials: Trials) -> Iterator[Callable[[Real], Caller]]:
    """A function that prepares all that a daemon needs and returns its Caller.

    The daemons are stopped at the end of the test.
    """
    with ExitStack() as ending:

        def ready(real: Real) -> Caller:
            ending.enter_context(trials.foreground(real))
            caller = daemons.ready(stack, real)
            ending.callback(daemons.stop, caller)
            return caller

        yield ready


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show the end of the daemons' logs with a failure: the logs are removed with the stack."""
    outcome: Any = yield
    made = outcome.get_result()
    used = getattr(item, "funcargs", {})
    if made.failed and "stack" in used:
        real = used.get("real") or used.get("tried")
        for path in sorted(used["stack"].log.glob(f"{real.agent}*" if real else "*")):
            text = path.read_text(errors="replace").splitlines()[-LINES:]
            made.sections.append((f"end of {path.name}", "\n".join(text)))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for line in report.lines():
        terminalreporter.write_line(line)
