"""The report takes files of other make targets whole, or rejects them with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench import elsewhere
from tests.bench.measurement import Absent, NotMeasured
from tests.unit.bench.findings import everything

READERS = {"failover": elsewhere.failover, "idle": elsewhere.idle, "storm": elsewhere.storm}


@pytest.mark.parametrize("name", READERS)
def test_a_good_file_is_taken_as_it_is(name: str, tmp_path: Path) -> None:
    found = everything()[name]
    path = tmp_path / "it.json"
    path.write_text(json.dumps({**found, "more": [1]}))
    taken = READERS[name](path)
    for key in set(found) - {"measured", "command"}:
        assert taken[key] == found[key]
    assert taken["command"]


def test_when_a_storm_was_is_when_the_last_outage_ended(tmp_path: Path) -> None:
    path = tmp_path / "it.json"
    path.write_text(
        json.dumps(
            {"outages": [{"gone": ["broker"], "back": 86400, "healed": None}]} | {"problems": []}
        )
    )
    assert elsewhere.storm(path)["measured"] == "1970-01-02T00:00:00+00:00"


@pytest.mark.parametrize("name", READERS)
def test_no_file_is_no_failure_and_says_what_makes_one(name: str, tmp_path: Path) -> None:
    with pytest.raises(Absent, match=r"^run make \w+"):
        READERS[name](tmp_path / "it.json")


@pytest.mark.parametrize(
    ("name", "place", "value", "said"),
    [
        ("failover", ("faults", 1, "gap"), "1.8", r"faults\[1\]\.gap is '1\.8', not a number"),
        ("failover", ("faults", 0, "gap"), None, r"faults\[0\]\.gap is None, not a number"),
        ("failover", ("faults", 0, "gap"), float("nan"), r"gap is nan, not a number"),
        ("failover", ("faults", 0, "gap"), float("inf"), r"gap is inf, not a number"),
        ("failover", ("faults", 0, "gap"), True, r"gap is True, not a number"),
        ("failover", ("faults", 0, "gap"), -1, r"gap is -1, not a number, 0 or more"),
        ("failover", ("faults", 0, "failed"), 1.5, r"failed is 1\.5, not a whole number"),
        ("failover", ("faults", 0, "fencing"), "", r"fencing is '', not a number.* or null"),
        ("failover", ("faults",), [], r"faults is \[\], not a non-empty list"),
        ("failover", ("faults", 0), 7, r"faults\[0\] is 7, not an object"),
        ("failover", ("command",), "", r"command is '', not text"),
        ("idle", ("nodes", 0, "agents"), None, r"nodes\[0\]\.agents is None"),
        ("idle", ("seconds",), [], r"seconds is \[\], not a number"),
        ("storm", ("problems",), None, "problems is None, not a list"),
        ("storm", ("outages", 0, "gone"), "broker", r"gone is 'broker', not a list of strings"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(
    name: str, place: tuple[Any, ...], value: object, said: str, tmp_path: Path
) -> None:
    found = everything()[name]
    target: Any = found
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    path = tmp_path / "it.json"
    path.write_text(json.dumps(found))
    with pytest.raises(NotMeasured, match=f"it.json: .*{said}") as caught:
        READERS[name](path)
    assert not isinstance(caught.value, Absent)


@pytest.mark.parametrize("key", ["gap", "limit", "pacemaker"])
def test_a_missing_key_is_named(key: str, tmp_path: Path) -> None:
    found = everything()["failover"]
    del found["faults"][1][key]
    path = tmp_path / "it.json"
    path.write_text(json.dumps(found))
    with pytest.raises(NotMeasured, match=rf"faults\[1\]\.{key} is missing; it should be a number"):
        elsewhere.failover(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00"])
def test_what_is_no_object_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "it.json"
    path.write_text(text)
    with pytest.raises(NotMeasured, match=r"it\.json"):
        elsewhere.idle(path)
