"""Measuring takes minutes: results are kept early, and queries survive the death of a node."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace
from typing import Any

import pytest

from tests.bed.bed import BedError
from tests.bed.cluster import Cluster
from tests.bed.node import CommandFailed
from tests.bed.timeline import Timeline
from tests.cloud import failover, measure
from tests.cloud.failover import Sight

Seen = Callable[[], list[Sight]]


class Fault:
    """A stand-in fault. sees: the results of its rounds, in order."""

    def __init__(self, title: str, *sees: Seen) -> None:
        self.title, self.sees = title, list(sees)
        self.is_awaited = False

    def wait_whole(self) -> None:
        self.is_awaited = True


def sight(title: str, gap: float) -> Seen:
    return lambda: [Sight(title, "token", gap, 100, 0, gap, gap, None, {}, {})]


def error(fault: BaseException) -> Seen:
    def see() -> list[Sight]:
        raise fault

    return see


@pytest.fixture
def campaign(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., list[str]]:
    target: Any = SimpleNamespace(bed=SimpleNamespace(spec={"timing": {}}, nodes=[1, 2, 3]))
    monkeypatch.setattr(failover, "play", lambda target, fault, say: fault.sees.pop(0)())

    def run(*faults: Fault, only: str = "") -> list[str]:
        plan = [(fault, len(fault.sees)) for fault in faults]
        monkeypatch.setattr(failover, "everything", lambda target: plan)
        return measure.measure_failover(target, only, 3, Timeline(), tmp_path)

    return run


def kept(folder: Path, name: str = "failover.json") -> list[str]:
    return [row["fault"] for row in json.loads((folder / name).read_text())["faults"]]


def test_a_fault_that_is_not_seen_to_its_end_costs_none_of_the_others(
    campaign: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = Fault("cut", error(CommandFailed("node-1: crm_mon: status 1")))
    wrong = campaign(Fault("killed", sight("killed", 1.0)), cut, Fault("moved", sight("moved", 1)))
    assert kept(tmp_path) == ["killed", "moved"]
    assert wrong == ["not measured to its end: cut: node-1: crm_mon: status 1"]
    assert cut.is_awaited
    assert "moved" in capsys.readouterr().out


@pytest.mark.parametrize("end", [KeyboardInterrupt(), TimeoutError("not whole")])
def test_what_was_seen_is_kept_and_shown_when_the_campaign_ends_early(
    campaign: Callable[..., list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    end: BaseException,
) -> None:
    last = Fault("cut", error(end))
    last.wait_whole = error(end)  # type: ignore[assignment,method-assign]
    with pytest.raises(type(end)):
        campaign(Fault("killed", sight("killed", 1.0)), last, Fault("moved"))
    assert kept(tmp_path) == ["killed"]
    assert "killed" in capsys.readouterr().out.splitlines()[-1]


def test_a_part_is_kept_beside_the_whole(
    campaign: Callable[..., list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["measure"])
    campaign(Fault("killed", sight("killed", 1.0)), Fault("moved", sight("moved", 1.0)))
    words = ["failover", "--only", "it is killed"]
    monkeypatch.setattr("sys.argv", ["measure", *words])
    campaign(Fault("it is killed", sight("it is killed", 2.0)), only="it is killed")
    assert kept(tmp_path) == ["killed", "moved"]
    assert kept(tmp_path, "failover-part.json") == ["it is killed"]
    told = json.loads((tmp_path / "failover-part.json").read_text())["command"]
    command, _, given = told.partition(" ARGS=")
    assert command == "make cluster-measure"
    assert shlex.split(*shlex.split(given)) == words
    assert json.loads((tmp_path / "failover.json").read_text())["command"] == command


class Node:
    """A stand-in node. answers: exit statuses of the commands run on it, in order."""

    def __init__(self, name: str, *answers: int) -> None:
        self.name, self.answers = name, list(answers)

    def run(self, *words: str, check: bool) -> CompletedProcess[str]:
        return CompletedProcess(words, self.answers.pop(0), f"<by>{self.name}</by>", "")


def cluster(*living: Sequence[Node]) -> Cluster:
    """Return a cluster. living: the live nodes at each look."""
    looks = list(living)
    bed: Any = SimpleNamespace(living=lambda: looks.pop(0))
    return Cluster(bed)


def test_a_question_goes_to_another_node_where_the_first_dies_with_it() -> None:
    dying, other = Node("node-1", -9, -9), Node("node-2", 0)
    # the death is not noticed at once
    found = cluster([dying, other], [dying, other], [other]).ask("crm_mon")
    assert found.text == "node-2"


def test_a_question_that_fails_on_a_living_node_is_not_asked_again() -> None:
    with pytest.raises(CommandFailed, match="node-1: crm_mon: status 1"):
        cluster([Node("node-1", 1)]).ask("crm_mon")


def test_there_is_an_end_to_asking() -> None:
    always = [Node("node-1", *[-9] * 100)]
    with pytest.raises(CommandFailed, match="status -9"):
        cluster(*[always] * 100).ask("crm_mon")
    with pytest.raises(BedError, match="no node"):
        cluster([]).ask("crm_mon")
