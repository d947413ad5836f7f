"""One bed of three nodes for all tests of this folder, with the data of a real Keystone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bed.bed import Bed
from tests.bed.keystone import BINDS, STORAGE, Keystone

from .site import Site


@pytest.fixture(scope="session")
def bed(stage: Path, request: pytest.FixtureRequest) -> Iterator[Bed]:
    """The three nodes, which boot while Keystone's data is made."""
    with Bed(3, [stage], BINDS) as bed:
        bed.boot()
        keystone: Keystone = request.getfixturevalue("keystone_data")
        keystone.copy(bed.folder / STORAGE)
        yield bed


@pytest.fixture
def site(bed: Bed) -> Site:
    """The cluster as after its first boot: no resources."""
    site = Site(bed)
    site.clear()
    return site


@pytest.fixture
def served(bed: Bed) -> Site:
    """The cluster with a running group of an address and a Keystone, without failures.

    The group is created again only if the previous test left it in another state.
    """
    site = Site(bed)
    site.serve()
    return site


@pytest.fixture
def unreported(served: Site) -> Iterator[Site]:
    """`served` without crash detection: only monitor finds that the daemon is dead.

    Switching it off or on does not touch the daemon.
    """
    served.assure_start_on_record()
    served.detect_crashes(False)
    yield served
    served.detect_crashes(True)
