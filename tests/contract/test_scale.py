"""Simulated clusters with every agent as a clone: Pacemaker reports no error and plans no needless
operation. `make bench` does the same with up to 32 nodes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.bench import scale
from tests.bench.simulation import (
    FIRST,
    Agents,
    complaints,
    make_cib,
    operations,
    write,
)
from tests.contract.kinds import is_alias

pytestmark = pytest.mark.skipif(
    not shutil.which("crm_simulate", path="/usr/sbin:/usr/bin"), reason="no crm_simulate here"
)
NODES = 3


@pytest.fixture(scope="session")
def agents(described: dict[str, str]) -> Agents:
    """The operations that each agent's meta-data advises; links are left out."""
    trees = {name: etree.fromstring(said.encode()) for name, said in described.items()}
    return {name: list(operations(tree)) for name, tree in trees.items() if not is_alias(name)}


@pytest.fixture(scope="session")
def found(agents: Agents) -> dict[str, Any]:
    return scale.measure(agents, (NODES,), rounds=1)


def counts(found: dict[str, Any], event: str) -> dict[str, int]:
    (kinds,) = (each["kinds"] for each in found["transitions"] if each["event"] == event)
    return dict(kinds)


def monitors(agents: Agents) -> int:
    return sum(name == "monitor" for advice in agents.values() for name, *_ in advice)


def test_crm_verify_finds_nothing_wrong(found: dict[str, Any]) -> None:
    assert [each["said"] for each in found["verified"]] == [[], []]


def test_the_first_start_probes_and_starts_each_agent_on_each_node(
    agents: Agents, found: dict[str, Any]
) -> None:
    """The fencing device is started on one node."""
    assert counts(found, "first start of all") == {
        "probe": NODES * (len(agents) + 1),
        "start": NODES * len(agents) + 1,
        "monitor": NODES * monitors(agents),
    }
    assert counts(found, "a node comes") == {
        "probe": len(agents) + 1,
        "start": len(agents),
        "monitor": monitors(agents),
    }


def test_a_daemon_that_fails_is_all_that_is_started_again(
    agents: Agents, found: dict[str, Any]
) -> None:
    own = {FIRST: agents[FIRST]}
    assert counts(found, "Keystone fails") == {"stop": 1, "start": 1, "monitor": monitors(own)}
    others = len(agents)
    expected = {"stop": others, "start": others, "monitor": monitors(agents)}
    assert counts(found, "Keystone fails, mandatory") == expected


def test_a_node_that_dies_is_fenced_and_nothing_has_to_move(found: dict[str, Any]) -> None:
    assert counts(found, "a node dies") == {"fence": 1}


def test_what_crm_verify_finds_wrong_is_seen(agents: Agents, tmp_path: Path) -> None:
    cib = make_cib({name: agents[name] for name in (FIRST, "horizon")}, NODES)
    cib.find(".//rsc_order").set("then", "p_unknown-clone")
    broken = tmp_path / "broken.xml"
    write(cib, broken)
    assert any("p_unknown-clone" in line for line in complaints(broken))
    broken.write_text("<cib/>")
    assert complaints(broken) != []
