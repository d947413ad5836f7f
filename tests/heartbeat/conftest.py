"""One bed of two nodes for all tests of this folder, on which Heartbeat serves a real Keystone."""

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
    """The two nodes, dead."""
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
    """Both nodes healthy, and one of them serves."""
    pair.mend()
    return pair
