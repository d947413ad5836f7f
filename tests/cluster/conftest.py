"""One bed of three nodes for all tests of this folder, and on it a real Keystone's data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bed.bed import Bed
from tests.bed.keystone import BINDS, STORAGE, Keystone

from .site import Site


@pytest.fixture(scope="session")
def bed(stage: Path, request: pytest.FixtureRequest) -> Iterator[Bed]:
    """The three nodes, booting while Keystone's data is made."""
    with Bed(3, [stage], BINDS) as bed:
        bed.boot()
        keystone: Keystone = request.getfixturevalue("keystone_data")
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
