"""What all tests share."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bed.keystone import Keystone
from tests.calling import ROOT


def pytest_configure() -> None:
    """Who ends tests by SIGTERM, as a CI that is cancelled does, has all that they made taken away
    as by Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """As an ordinary user, what needs root is skipped and says so."""
    if os.geteuid() == 0:
        return
    for item in items:
        if item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason="needs root: run `make test` as root"))


@pytest.fixture(scope="session")
def readable() -> Iterator[Path]:
    """A copy of the agents and their library that every user can read, as an installation is: the
    checkout may lie in somebody's home."""
    with tempfile.TemporaryDirectory(prefix="agents-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        ignore = shutil.ignore_patterns("__pycache__")
        for name in ("agents", "ocf_lib"):
            shutil.copytree(ROOT / name, Path(folder, name), symlinks=True, ignore=ignore)
        for path in Path(folder).rglob("*"):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.is_dir() else 0))
        yield Path(folder)


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder that user keystone can reach, as pytest's own cannot be."""
    folder = Path(tempfile.mkdtemp(prefix="ocf-cluster-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def stage(folder: Path) -> Path:
    """What `make install` makes of this checkout: fresh, and nobody else's while nodes see it."""
    stage = folder / "stage"
    words = ["make", "--no-print-directory", "install", f"DESTDIR={stage}", "MANDIR="]
    words += ["HA_D=/etc/ha.d"]  # which the stage has only if it is asked for
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"make install DESTDIR={stage} failed: {done.stdout}{done.stderr}")
    return stage


@pytest.fixture(scope="session")
def keystone_data(folder: Path) -> Keystone:
    """A Keystone's data for the nodes of a bed, made once: keystone-manage takes 10 s."""
    keystone = Keystone(folder)
    keystone.make()
    return keystone
