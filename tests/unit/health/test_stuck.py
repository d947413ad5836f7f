"""What tells a thread at work from one that sleeps: what threads did that were measured."""

from __future__ import annotations

import pytest

from ocf_lib.health import stuck
from ocf_lib.processes.progress import Times


@pytest.mark.parametrize(
    "times",
    [
        Times(9.0, 0.1),  # spins on a quiet host
        Times(1.1, 8.5),  # works beside 16 loops
        Times(0.0, 9.9),  # gets no CPU at all
        Times(0.7, 3.0),  # a request with pauses
        Times(0.0, 0.0, 9.0),  # waits for a disk
        Times(0.1, 0.1, 3.0),
    ],
)
def test_one_that_works(times: Times) -> None:
    assert stuck.is_progress(times, 10.0)


@pytest.mark.parametrize(
    "times",
    [
        Times(0.0, 0.0),  # sleeps in a lock
        Times(0.01, 0.6),  # looks at its clock once a second
        Times(0.1, 5.0),  # wakes up 100 times a second, and waits each time
        Times(0.2, 1.5),
        Times(2.0, 0.0),  # too little to make an answer late
        Times(0.0, 0.0, 1.0),
    ],
)
def test_one_that_only_wakes_now_and_then(times: Times) -> None:
    assert not stuck.is_progress(times, 10.0)
