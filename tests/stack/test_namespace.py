"""When a namespace ends, with all that runs in it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bed.waiting import wait_until
from tests.stack.namespace import Namespace

pytestmark = pytest.mark.root

SECONDS = 20.0


class Stand:
    """A namespace with one process in it, and the process that keeps it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.namespace = Namespace(folder)
        self.namespace.make()
        words = [*self.namespace.prefix, "sh", "-c", "echo inside; exec sleep 600"]
        self.inside = subprocess.Popen(words, stdout=subprocess.PIPE)
        assert self.inside.stdout
        self.inside.stdout.readline()
        self.keeper = subprocess.Popen(["sleep", "600"])

    def leave(self) -> None:
        """Close the guard's input, as the end of this process would."""
        guard = self.namespace._guard
        assert guard and guard.stdin
        guard.stdin.close()

    def end(self) -> None:
        for process in (self.keeper, self.inside):
            process.kill()
            process.wait()
        guard = self.namespace._guard
        assert guard and guard.stdout and self.inside.stdout
        guard.wait(SECONDS)
        for pipe in (guard.stdout, self.inside.stdout):
            pipe.close()


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    folder = tmp_path / "stand"
    folder.mkdir()
    stand = Stand(folder)
    yield stand
    stand.leave()
    stand.end()


def test_it_ends_with_its_maker(stand: Stand) -> None:
    stand.leave()
    wait_until(lambda: stand.inside.poll() is not None, SECONDS, "what runs in it has ended")
    wait_until(lambda: not stand.folder.exists(), SECONDS, "its folder is gone")


def test_one_that_is_kept_ends_with_its_keeper(stand: Stand) -> None:
    stand.namespace.keep(stand.keeper.pid)
    stand.leave()
    # a guard that had not read the line would have ended by now
    with pytest.raises(TimeoutError):
        wait_until(lambda: stand.inside.poll() is not None, 1.0, "it has ended with its maker")
    stand.keeper.kill()
    wait_until(lambda: stand.inside.poll() is not None, SECONDS, "what runs in it has ended")
    wait_until(lambda: not stand.folder.exists(), SECONDS, "its folder is gone")
