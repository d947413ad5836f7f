"""Fixtures and hooks that all tests share."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import pace
from tests.bed.keystone import Keystone
from tests.calling import ROOT


def pytest_configure() -> None:
    """Make SIGTERM end the tests as Ctrl-C does, so that a cancelled CI job also cleans up."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_report_header() -> str:
    return pace.line()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"pace: at most {pace.RUN.most:.1f} in this run")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests that need root if an ordinary user runs them."""
    if os.geteuid() == 0:
        return
    for item in items:
        if item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason="needs root: run `make test` as root"))


@pytest.fixture(scope="session")
def readable() -> Iterator[Path]:
    """A copy of the agents and their library that every user can read, like an installed one. The
    checkout itself may be in somebody's home directory."""
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
    """A folder that user keystone can reach; pytest's own temporary folders are private."""
    folder = Path(tempfile.mkdtemp(prefix="ocf-cluster-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def stage(folder: Path) -> Path:
    """The result of `make install` for this checkout. It does not change while nodes use it."""
    stage = folder / "stage"
    words = ["make", "--no-print-directory", "install", f"DESTDIR={stage}", "MANDIR="]
    words += ["HA_D=/etc/ha.d"]  # installed there only on request
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"make install DESTDIR={stage} failed: {done.stdout}{done.stderr}")
    return stage


@pytest.fixture(scope="session")
def keystone_data(folder: Path) -> Keystone:
    """The data of a Keystone for the nodes of a test bed. Made once: keystone-manage takes 10 s."""
    keystone = Keystone(folder)
    keystone.make()
    return keystone
