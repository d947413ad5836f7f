"""The demo, the cluster and the storm give no action less time than its agent advertises."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest
from lxml import etree

from tests.bed import play
from tests.calling import Caller
from tests.cloud import commands
from tests.cloud.architecture import ALL
from tests.storm import plant, services

SERVICES = {service.agent: service for service in ALL}
# A monitor without OCF_CHECK_LEVEL looks as deep as one with 10.
DEPTHS = (None, "0", "10")


def described(agent: str, folder: Path) -> etree._Element:
    """The agent's meta-data."""
    return etree.fromstring(Caller(agent, folder)("meta-data").out.encode())


def advertised(tree: etree._Element, action: str) -> int:
    """The longest timeout that the agent advertises for this action, in seconds."""
    found = [each for each in tree.iter("action") if each.get("name") == action]
    return max(int(each.get("timeout", "0s")[:-1]) for each in found if each.get("depth") in DEPTHS)


def given(words: Sequence[str]) -> dict[str, int]:
    """The timeout that a pcs command gives to each action, in seconds."""
    found, action = {}, ""
    for before, word in zip(words, words[1:]):
        if before == "op" or word in ("start", "stop", "monitor"):
            action = word
        if match := re.fullmatch(r"timeout=(\d+)s?", word):
            found[action] = int(match[1])
    return found


def check(tree: etree._Element, line: str) -> None:
    """Actions that the command does not name get what the agent advertises, from pcs."""
    times = given(shlex.split(line.replace("\\\n", " ")))
    assert "monitor" in times
    for action, seconds in times.items():
        assert seconds >= advertised(tree, action), action


@pytest.mark.parametrize("name", SERVICES)
def test_cluster_is_as_patient_as_the_agent(name: str, tmp_path: Path) -> None:
    check(described(name, tmp_path), commands.create(SERVICES[name], "http://identity", 30))


def test_demo_is_as_patient_as_the_agent(tmp_path: Path) -> None:
    check(described("keystone", tmp_path), play.KEYSTONE)


@pytest.mark.parametrize("service", services.ALL, ids=lambda service: service.agent)
def test_storm_is_as_patient_as_the_agent(service: services.Service, tmp_path: Path) -> None:
    check(described(service.agent, tmp_path), shlex.join(plant.watched(10)))
