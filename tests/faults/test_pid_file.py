"""Odd files in place of the PID file. The agent writes it for others and never reads it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import pace
from tests.faults.aftermath import check_stopped
from tests.faults.rig import Rig
from tests.faults.witnesses import Witnesses

pytestmark = pytest.mark.root

TEXTS = {
    "empty": "",
    "garbage": "\udcff\0 no number",
    "negative": "-1",
    "init": "1\n",
    "a huge number": "9" * 4000,
}
HUGE = 1 << 30


def make_text(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(text.encode("utf-8", "surrogateescape")) and None


def make_huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(HUGE)


def make_link(path: Path) -> None:
    target = path.with_name("target")
    target.write_text("1\n")
    path.symlink_to(target)


def make_loop(path: Path) -> None:
    path.symlink_to(path.name)


KINDS: dict[str, Callable[[Path], None]] = {
    **{name: make_text(text) for name, text in TEXTS.items()},
    "a huge file": make_huge,
    "a directory": lambda path: (path / "inner").mkdir(parents=True),
    "a link": make_link,
    "a link to itself": make_loop,
    "a FIFO": os.mkfifo,
}


def put(rig: Rig, path: Path, make: Callable[[Path], object]) -> None:
    """Replace the file at `path`, unless it is a folder; the service's user owns the new one."""
    if path.exists() and not path.is_dir():
        path.unlink()
    if not path.is_dir():
        make(path)
        os.chown(path, rig.account.pw_uid, rig.account.pw_gid, follow_symlinks=False)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_pid_file(rig: Rig, witnesses: Witnesses, kind: str) -> None:
    path = rig.logs / "daemon.pid"
    rig.parameters["pid"] = str(path)
    put(rig, path, KINDS[kind])
    check_stopped(rig, rig.stop(timeout=60))
    rig.start(timeout=60)
    # a FIFO would block the read
    assert path.is_dir() or (path.is_file() and path.read_text() == f"{rig.parent.pid}\n")
    put(rig, path, KINDS[kind])
    assert rig.monitor().code == 0
    assert pace.is_within(rig.start().seconds, 2)
    put(rig, path, KINDS[kind])
    check_stopped(rig, rig.stop(timeout=60))
    # stop must not remove a file that start did not write
    assert os.path.lexists(path)
    target = path.with_name("target")
    assert not target.exists() or target.read_text() == "1\n"


@pytest.mark.parametrize("whose", ["root's", "another instance's", "another service's"])
def test_a_pid_file_that_names_a_process(rig: Rig, witnesses: Witnesses, whose: str) -> None:
    """The service's user forged the file in order to have that process killed."""
    pids = {
        "root's": witnesses.root.pid,
        "another instance's": witnesses.twin.parent.pid,
        "another service's": witnesses.cousin.parent.pid,
    }
    path = rig.logs / "daemon.pid"
    rig.parameters["pid"] = str(path)
    forge = make_text(f"{pids[whose]}\n")
    put(rig, path, forge)
    check_stopped(rig, rig.stop(timeout=60))
    rig.start(timeout=60)
    put(rig, path, forge)
    assert rig.monitor().code == 0
    check_stopped(rig, rig.stop(timeout=60))
    witnesses.check()
