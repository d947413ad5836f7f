"""State that cannot be written because the disk is full or read-only: start and stop still succeed,
and no daemon is started twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import pace
from tests.faults.aftermath import check_no_state, check_serving, check_stopped
from tests.faults.mounts import Mounts
from tests.faults.rig import Rig, wait_until

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("witnesses")]

TROUBLES = ["full", "without inodes", "read-only"]
SIZE, INODES = 65536, 12


class Disk(Mounts):
    """Mounts a small file system over the state folder and breaks it."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig)
        self.folder = rig.caller.rsctmp
        self.folder.mkdir()
        self.tmpfs(self.folder, f"mode=755,size={SIZE},nr_inodes={INODES}")

    def spoil(self, trouble: str) -> None:
        root = self.path(self.folder)
        if trouble == "full":
            with pytest.raises(OSError, match="No space left"):
                (root / "filler").write_bytes(b"x" * SIZE * 2)
        elif trouble == "without inodes":
            with pytest.raises(OSError, match="No space left"):
                for number in range(INODES):
                    (root / f"filler{number}").touch()
        else:
            self.run("mount", "-o", "remount,ro", self.folder)

    def mend(self) -> None:
        self.run("mount", "-o", "remount,rw", self.folder)
        for file in self.path(self.folder).glob("filler*"):
            file.unlink()


@pytest.fixture
def disk(rig: Rig) -> Iterator[Disk]:
    made = Disk(rig)
    yield made
    made.end()


@pytest.mark.parametrize("when", ["before the start", "after the start"])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_service_lives_and_ends_beside_a_disk_that_is(
    rig: Rig, disk: Disk, trouble: str, when: str
) -> None:
    if when == "before the start":
        disk.spoil(trouble)
    rig.start(timeout=60)
    if when == "after the start":
        disk.spoil(trouble)
    assert rig.start(timeout=60).err == ""
    assert rig.count("born parent") == 1
    check_serving(rig)
    check_stopped(rig, rig.stop(timeout=60))
    # a record that could not be removed must not be taken for the new daemon's
    rig.start(timeout=60)
    check_serving(rig)
    disk.mend()
    check_stopped(rig, rig.stop(timeout=60))
    check_no_state(rig)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_orphans_are_seen_and_ended_beside_a_disk_that_is(
    rig: Rig, disk: Disk, trouble: str
) -> None:
    rig.set(orphans="yes")
    rig.start()
    disk.spoil(trouble)
    rig.parent.kill()
    wait_until(lambda: len(rig.pids) == 2, "the parent is gone")
    assert rig.probe().code == 1
    assert rig.monitor().code == 1
    result = rig.caller("start", timeout=60)
    assert result.code == 1
    assert "parent process is gone" in result.reason
    check_stopped(rig, rig.stop(timeout=60))


def test_a_full_disk_for_everything_that_is_written(rig: Rig, disk: Disk) -> None:
    """State, PID file, the agent's log and the daemon's log."""
    disk.spoil("full")
    rig.caller.log = disk.folder / "ha.log"
    rig.parameters["log_file"] = str(disk.folder / "daemon.log")
    rig.set(words="not to be written anywhere")
    rig.start(timeout=60)
    check_serving(rig)
    check_stopped(rig, rig.stop(timeout=60))


def test_last_words_that_no_disk_took_are_missed_and_the_death_is_not(rig: Rig, disk: Disk) -> None:
    disk.spoil("full")
    rig.parameters["log_file"] = str(disk.folder / "daemon.log")
    rig.set(words="not to be written anywhere", die=3)
    result = rig.caller("start", timeout=60)
    assert result.code == 1
    assert "exited with 3" in result.reason
    assert pace.is_within(result.seconds, 2)
