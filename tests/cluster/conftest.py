"""One bed of three nodes for all tests of this folder, and on it a real Keystone's data."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bed.bed import Bed
from tests.bed.keystone import BINDS, STORAGE, Keystone
from tests.calling import ROOT

from .site import Site


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
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"make install DESTDIR={stage} failed: {done.stdout}{done.stderr}")
    return stage


@pytest.fixture(scope="session")
def bed(folder: Path, stage: Path) -> Iterator[Bed]:
    """The three nodes, booting while Keystone's database is made."""
    with Bed(3, [stage], BINDS) as bed:
        bed.boot()
        keystone = Keystone(folder)
        keystone.make()
        keystone.copy(bed.folder / STORAGE)
        yield bed


@pytest.fixture
def site(bed: Bed) -> Site:
    """The cluster as it was after its first boot: no resources."""
    site = Site(bed)
    site.clear()
    return site


@pytest.fixture
def served(bed: Bed) -> Site:
    """The cluster with the group of an address and a Keystone on it, running and without failures.

    It is made anew only where the test before left it otherwise.
    """
    site = Site(bed)
    site.serve()
    return site


@pytest.fixture
def unreported(served: Site) -> Iterator[Site]:
    """The same without crash detection: monitor alone finds that the daemon is dead. Neither change
    touches the daemon."""
    served.assure_start_on_record()
    served.detect_crashes(False)
    yield served
    served.detect_crashes(True)
