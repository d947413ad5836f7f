"""Files that root writes in folders where the service's user may write too: no link is followed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import pace
from tests.faults.rig import Rig

pytestmark = pytest.mark.root

PRECIOUS = "precious\n"


@pytest.fixture
def victim(rig: Rig) -> Path:
    """A file of root's that must not change."""
    folder = rig.folder / "root"
    folder.mkdir(mode=0o700)
    made = folder / "victim"
    made.write_text(PRECIOUS)
    return made


def plant(rig: Rig, name: str, target: Path) -> Path:
    """Make a link that the service's user owns."""
    link = rig.logs / name
    link.symlink_to(target)
    os.chown(link, rig.account.pw_uid, rig.account.pw_gid, follow_symlinks=False)
    return link


def test_a_link_in_place_of_the_pid_file_is_not_followed(rig: Rig, victim: Path) -> None:
    link = plant(rig, "daemon.pid", victim)
    rig.parameters["pid"] = str(link)
    rig.start()
    assert victim.read_text() == PRECIOUS
    rig.stop()
    assert victim.read_text() == PRECIOUS


def test_a_link_that_appears_later_is_not_followed_by_stop(rig: Rig, victim: Path) -> None:
    link = rig.logs / "daemon.pid"
    rig.parameters["pid"] = str(link)
    rig.start()
    victim.write_text(link.read_text())
    link.unlink()
    plant(rig, "daemon.pid", victim)
    rig.stop()
    assert victim.exists()


def test_a_link_in_the_way_to_the_pid_file_is_not_followed(rig: Rig, victim: Path) -> None:
    plant(rig, "inner", victim.parent)
    rig.parameters["pid"] = str(rig.logs / "inner" / "daemon.pid")
    rig.start()
    assert os.listdir(victim.parent) == ["victim"]
    rig.stop()
    assert os.listdir(victim.parent) == ["victim"]


def test_a_link_in_the_way_does_not_make_stop_delete_elsewhere(rig: Rig, victim: Path) -> None:
    inner = rig.logs / "inner"
    inner.mkdir()
    rig.parameters["pid"] = str(inner / "victim")
    rig.start()
    victim.write_text((inner / "victim").read_text())
    (inner / "victim").unlink()
    inner.rmdir()
    plant(rig, "inner", victim.parent)
    rig.stop()
    assert victim.exists()


def test_a_fifo_in_place_of_the_pid_file_does_not_block_stop(rig: Rig) -> None:
    fifo = rig.logs / "daemon.pid"
    rig.parameters["pid"] = str(fifo)
    rig.start()
    fifo.unlink()
    os.mkfifo(fifo)
    assert pace.is_within(rig.stop().seconds, 3)


@pytest.mark.parametrize("kind", ["link", "dangling link", "hard link", "fifo", "folder"])
def test_what_is_no_plain_log_file_is_not_written_to(rig: Rig, victim: Path, kind: str) -> None:
    if kind == "link":
        plant(rig, "daemon.log", victim)
    elif kind == "dangling link":
        plant(rig, "daemon.log", victim.parent / "new")
    elif kind == "hard link":
        os.link(victim, rig.log_file)
    elif kind == "fifo":
        os.mkfifo(rig.log_file)
    else:
        rig.log_file.mkdir()
    rig.set(words="hear me")
    rig.start()
    assert victim.read_text() == PRECIOUS
    assert os.listdir(victim.parent) == ["victim"]
    assert victim.stat().st_uid == 0
    assert "hear me" in rig.file("log").read_text()
    assert str(rig.log_file) in rig.agent_log  # the log names the refused file
    rig.stop()


def test_a_link_in_the_way_to_the_log_is_not_followed(rig: Rig, victim: Path) -> None:
    plant(rig, "inner", victim.parent)
    rig.parameters["log_file"] = str(rig.logs / "inner" / "daemon.log")
    rig.start()
    assert os.listdir(victim.parent) == ["victim"]


def test_last_words_come_from_the_spare_log_too(rig: Rig, victim: Path) -> None:
    plant(rig, "daemon.log", victim)
    rig.set(words="these are my last", die=1)
    assert "these are my last" in rig.caller("start").reason


def test_a_missing_log_folder_is_no_fault(rig: Rig) -> None:
    rig.parameters["log_file"] = str(rig.folder / "not" / "there" / "daemon.log")
    rig.set(words="hear me")
    rig.start()
    assert "hear me" in rig.file("log").read_text()


def test_a_log_belongs_to_the_service_and_grows(rig: Rig) -> None:
    rig.set(words="once")
    rig.start()
    facts = rig.log_file.stat()
    assert (facts.st_uid, facts.st_gid) == (rig.account.pw_uid, rig.account.pw_gid)
    assert facts.st_mode & 0o777 == 0o640
    rig.stop()
    rig.set(words="twice")
    rig.start()
    assert rig.log_file.read_text().split() == ["once", "twice"]


def test_a_log_that_was_there_keeps_owner_and_mode(rig: Rig) -> None:
    rig.log_file.write_text("")
    rig.log_file.chmod(0o600)
    rig.start()
    facts = rig.log_file.stat()
    assert (facts.st_uid, facts.st_mode & 0o777) == (0, 0o600)


# --- a state folder that others may write


@pytest.mark.parametrize("kind", ["of the service", "open to all", "a link"])
def test_a_state_folder_that_is_not_ours_is_not_trusted(running: Rig, kind: str) -> None:
    """Its files may be forged: the agent neither reads nor writes them."""
    running.give_credentials()
    folder = running.file("record").parent
    record = running.file("record").read_text()
    running.stop()
    if kind == "a link":
        folder.rename(folder.with_name("moved"))
        folder.symlink_to("moved")
    elif kind == "open to all":
        folder.chmod(0o777)
    else:
        os.chown(folder, running.account.pw_uid, running.account.pw_gid)
    before = sorted(os.listdir(folder))
    running.file("record").write_text(record)
    assert running.probe().code == 7
    running.start()
    assert running.monitor().code == 0
    assert running.file("record").read_text() == record
    assert not running.token_file.exists()
    assert set(os.listdir(folder)) - {running.file("record").name} == set(before)
    assert running.caller("stop").code == 0
    assert running.processes() == []


def test_a_link_in_place_of_a_state_file_is_not_followed(running: Rig, victim: Path) -> None:
    running.give_credentials()
    assert running.monitor().code == 0
    account = running.token_file
    running.stop()
    of_account = [account.with_suffix(kind) for kind in (".token", ".lock", ".refused")]
    for path in (running.file("record"), running.file("lock"), *of_account):
        path.unlink(missing_ok=True)
        path.symlink_to(victim)
    running.start()
    assert running.monitor().code == 0
    running.stop()
    assert victim.read_text() == PRECIOUS
