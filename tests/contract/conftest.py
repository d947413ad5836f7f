"""Everything here runs over every file in `agents/`: a new agent is under all of it at once."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from lxml import etree

from tests.calling import AGENTS, Caller, agents
from tests.contract.node import BareNode, Installed


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "agent" in metafunc.fixturenames:
        metafunc.parametrize("agent", agents())


@pytest.fixture
def call(agent: str, tmp_path: Path) -> Caller:
    """Calls the agent with state below tmp_path, with no parameter set."""
    return Caller(agent, tmp_path)


@pytest.fixture(scope="session")
def described() -> dict[str, str]:
    """What each agent says to `meta-data`, asked once."""
    environment = {"PATH": "/usr/sbin:/bin:/usr/bin"}
    texts = {}
    for name in agents():
        done = subprocess.run(
            [AGENTS / name, "meta-data"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        texts[name] = done.stdout
    return texts


@pytest.fixture
def text(agent: str, described: dict[str, str]) -> str:
    """The agent's meta-data as it prints it."""
    return described[agent]


@pytest.fixture
def tree(text: str) -> etree._Element:
    """The same, parsed."""
    return etree.fromstring(text.encode())


@pytest.fixture
def bare(tree: etree._Element, tmp_path: Path) -> BareNode:
    """A node on which nothing is installed but Python itself."""
    defaults = [content.get("default", "") for content in tree.iter("content")]
    return BareNode(tmp_path, {os.path.dirname(text) for text in defaults if text[:1] == "/"})


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The agents where Pacemaker looks for them."""
    return Installed(tmp_path_factory.mktemp("installed"))
