"""What is special about Horizon's Apache: it trusts its PID file, whichever process has the PID."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import pace
from tests.calling import Caller
from tests.stack.horizon import DAEMONS
from tests.stack.real import Real
from tests.stack.stack import Stack

pytestmark = [pytest.mark.root, pytest.mark.stack]

(APACHE,) = (real for real in DAEMONS if real.variant == "apache")


@pytest.fixture
def horizon(running: Callable[[Real], Caller]) -> Caller:
    return running(APACHE)


@pytest.fixture
def pid_file(stack: Stack, horizon: Caller) -> Iterator[Path]:
    path = Path(stack.home("horizon"), "data/apache2.pid")
    yield path
    path.unlink(missing_ok=True)


@contextmanager
def alive(*words: str) -> Iterator[int]:
    """The PID of a process that lives until the end of the block."""
    process = subprocess.Popen([*words, "600"])
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def test_a_pid_file_that_names_a_stranger_keeps_nothing_from_starting(
    horizon: Caller, pid_file: Path
) -> None:
    """Another process has a killed Apache's PID: httpd would say "already running" for ever."""
    with alive("sleep") as stranger:
        pid_file.write_text(f"{stranger}\n")
        begun = horizon("start", timeout=pace.seconds(60))
        assert begun.code == 0, begun
        said = f"{pid_file} of a former run is removed: PID {stranger} is sleep now"
        assert said in horizon.log.read_text()
        assert horizon.monitor().code == 0
        ours = (horizon.rsctmp / f"{horizon.instance}.pid").read_text()
        assert pid_file.read_text() == ours != f"{stranger}\n"


def test_the_pid_file_of_another_apache_that_runs_is_left(
    horizon: Caller, pid_file: Path, tmp_path: Path
) -> None:
    other = shutil.copy("/usr/bin/sleep", tmp_path / "apache2")
    with alive(str(other)) as rival:
        pid_file.write_text(f"{rival}\n")
        begun = horizon("start", timeout=pace.seconds(60))
        assert begun.code == 1, begun
        assert f"httpd (pid {rival}) already running" in begun.reason
        assert pid_file.read_text() == f"{rival}\n"
        assert horizon("monitor").code == 7
