"""One test bed for all tests of this folder: Heartbeat runs a real Keystone on two nodes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bed.bed import Bed
from tests.bed.heartbeat import HEARTBEAT
from tests.bed.keystone import BINDS, STORAGE, Keystone

from .pair import Pair


@pytest.fixture(scope="package")
def bed(stage: Path, keystone_data: Keystone) -> Iterator[Bed]:
    """The two nodes, not booted."""
    with Bed(2, [stage], BINDS, HEARTBEAT) as bed:
        keystone_data.copy(bed.folder / STORAGE)
        yield bed


@pytest.fixture(scope="package")
def pair(bed: Bed) -> Pair:
    """The two nodes after their first boot."""
    pair = Pair(bed)
    pair.configure()
    bed.boot()
    pair.heartbeat.wait_settled()
    return pair


@pytest.fixture
def served(pair: Pair) -> Pair:
    """Two healthy nodes, one of which runs Keystone."""
    pair.mend()
    return pair
