"""Two minutes of `make soak`, and a check that it finds an agent whose report is false."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.calling import ROOT
from tests.soak import plan
from tests.soak.acts import Acts
from tests.soak.oracle import Sight
from tests.soak.play import Play
from tests.soak.verdicts import Around, of_all, of_probe, of_processes

SECONDS = 120
# The tests always take the steps of seed 1, or of SOAK_SEED; `make soak` draws a random seed.
SEED = int(os.environ.get("SOAK_SEED", "1"))
# A seed whose fifth step leaves orphans, and the code whose change makes their verdict false.
SEED_OF_ORPHANS = 98
FACT = 'raise Failed(f"the parent process is gone'
NAMES = ("images", "identity", "other", "scheduler")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the service's user can reach."""
    made = Path(tempfile.mkdtemp(prefix="soak."))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.mark.root
def test_soak(folder: Path) -> None:
    print(f"make soak SEED={SEED} MINUTES={SECONDS / 60:g}")
    play = Play(folder, SEED)
    wrong = play.run(SECONDS)
    assert not wrong, wrong
    assert play.taken > len(NAMES), "it came no further than to start them"


@pytest.mark.root
def test_a_probe_that_calls_orphans_stopped_is_found(folder: Path) -> None:
    for name in ("agents", "ocf_lib"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / "lying" / name, symlinks=True, ignore=ignore)
    module = folder / "lying/ocf_lib/actions/monitor.py"
    text = module.read_text()
    assert text.count(FACT) == 1
    module.write_text(text.replace(FACT, FACT.replace("Failed", "NotRunning")))
    play = Play(folder, SEED_OF_ORPHANS, folder / "lying", say=lambda line: None)
    wrong = play.run(SECONDS)
    expected = "step 4, kill_parent of images: images: monitor 0 returned <code 7"
    assert wrong.startswith(expected), wrong


def test_a_seed_is_always_the_same_steps() -> None:
    def first(seed: int) -> list[plan.Step]:
        return list(itertools.islice(plan.steps(random.Random(seed), NAMES), 500))

    assert first(1) == first(1) != first(2)
    taken = {step.action for step in first(1)}
    assert taken == set().union(*plan.WEIGHTS.values(), {"lose_state", "outage", "come_back"})
    assert all(hasattr(Acts, action) for action in taken)


# --- the expected verdicts


def sight(parents: int = 1, workers: int = 2, frozen: str = "", connected: bool = True) -> Sight:
    """A Sight in which the parent's PID is 1 and the workers' are 11 and 12."""
    stopped = {"parent": {1}, "worker": {11}, "workers": {11, 12}, "": set[int]()}[frozen]
    pids = frozenset(range(11, 11 + workers))
    return Sight(frozenset([1][:parents]), pids, frozenset(stopped), False, connected)


API = Around(True, "ok", True, False, "", "well", float("inf"), 0, 4)
CONSUMER = Around(False, "ok", True, False, "well", "well", float("inf"), 0, 4)


@pytest.mark.parametrize(
    ("seen", "around", "first", "second"),
    [
        (sight(0, 0), API, {7}, {7}),
        (sight(0, 2), API, {1}, {1}),
        (sight(0, 1), CONSUMER._replace(broker="go", away=0), {1}, {1}),
        (sight(frozen="parent"), API, {1}, {1}),
        (sight(workers=0), API, {1}, {1}),
        (sight(frozen="workers"), CONSUMER, {1}, {1}),
        (sight(workers=0), CONSUMER._replace(knows_workers=False), {0}, {0}),
        (sight(workers=0), API._replace(knows_workers=False), {1}, {1}),
        (sight(), API, {0}, {0}),
        (sight(frozen="worker"), API, {0}, {0}),
        (sight(), API._replace(is_misled=True), {0, 1}, {0, 1}),
        (sight(), API._replace(mode="500"), {1}, {1}),
        (sight(), API._replace(mode="reset", database="go", away=0), {1}, {1}),
        (sight(), API._replace(mode="500", database="go", away=0), {0, 190}, {190}),
        (sight(), API._replace(mode="hang", away=20), {1, 190}, {1, 190}),
        (sight(frozen="worker"), API._replace(mode="hang", database="go", away=0), {1}, {1}),
        (sight(), API._replace(database="freeze", away=0), {0, 190}, {0, 190}),
        (sight(), CONSUMER, {0}, {0}),
        (sight(connected=False), CONSUMER._replace(broker="go", away=0), {0, 190}, {190}),
        (sight(connected=False), CONSUMER._replace(missing=2), {0, 190}, {190}),
        (sight(connected=False), CONSUMER._replace(missing=9), {0, 1, 190}, {1, 190}),
    ],
)
def test_what_must_be_said(seen: Sight, around: Around, first: set[int], second: set[int]) -> None:
    assert of_all(seen, around) == (first, second)


def test_what_must_be_said_of_processes_alone() -> None:
    bad: Callable[..., Around] = API._replace
    assert of_processes(sight(), bad(mode="500", database="go", away=0)) == {0}
    assert of_processes(sight(0, 2), API) == {1}
    assert of_probe({0, 190}) == {0}
    assert of_probe({1, 190}) == {0, 1}
