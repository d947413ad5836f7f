"""Contract tests: they run over every file in `agents/`, so that a new agent is tested at once.

Tests of the library alone have the mark `library` and run over one agent of each kind. Tests that
read an agent's file have the mark `file` and skip links, which are older names of an agent.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from tests.calling import Result, agents
from tests.contract.kinds import is_alias, typical
from tests.contract.node import BareNode, Installed
from tests.contract.warm import LIBRARY, Interpreter, Request, Resource


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "library: runs over one agent of each kind")
    config.addinivalue_line("markers", "file: runs over all agents but the links to others")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "agent" in metafunc.fixturenames:
        names = agents()
        if metafunc.definition.get_closest_marker("library"):
            names = typical()
        elif metafunc.definition.get_closest_marker("file"):
            names = [name for name in names if not is_alias(name)]
        metafunc.parametrize("agent", names)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Paths of new folders, one after the other."""
    above = tmp_path_factory.mktemp("of")
    return (above / str(number) for number in itertools.count())


@pytest.fixture
def tmp_path(folders: Iterator[Path]) -> Path:
    """Replaces pytest's tmp_path, which searches all folders for a free number: 4 ms per test."""
    folder = next(folders)
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def chosen(request: pytest.FixtureRequest) -> list[str]:
    """The agents that this run tests: with `-k keystone` only that one."""
    calls = (getattr(item, "callspec", None) for item in request.session.items)
    return sorted({call.params["agent"] for call in calls if call and "agent" in call.params})


@pytest.fixture(scope="session")
def here() -> Iterator[Interpreter]:
    """Runs agents on this host, with nothing hidden."""
    interpreter = Interpreter(LIBRARY)
    yield interpreter
    interpreter.close()


@pytest.fixture(scope="session")
def lxml_loaded() -> Iterator[Interpreter]:
    """Runs agents for their meta-data. A separate process, since a larger one forks more slowly."""
    interpreter = Interpreter([*LIBRARY, "lxml.etree"], flags="-I")
    yield interpreter
    interpreter.close()


@pytest.fixture(scope="session")
def asked(readable: Path) -> dict[str, Result]:
    """The result of `meta-data` for each agent, called once by its first line. As contract 2 says,
    the caller is user nobody (or the current user if not root), with almost no environment."""
    environment = {"PATH": "/usr/sbin:/bin:/usr/bin", "OCF_TESTER_FAIL_HAVE_BINARY": "1"}
    folder = readable / "agents"
    calls = [Request([folder / name, "meta-data"], environment, own=True) for name in agents()]
    interpreter = Interpreter([], user="nobody" if os.geteuid() == 0 else None)
    try:
        return dict(zip(agents(), interpreter.run(calls)))
    finally:
        interpreter.close()


@pytest.fixture(scope="session")
def described(asked: dict[str, Result]) -> dict[str, str]:
    """The meta-data that each agent printed."""
    return {name: done.out for name, done in asked.items()}


@pytest.fixture
def text(agent: str, asked: dict[str, Result]) -> str:
    """The agent's meta-data as printed."""
    assert (asked[agent].code, asked[agent].err) == (0, "")
    return asked[agent].out


@pytest.fixture
def tree(text: str) -> etree._Element:
    """The agent's meta-data, parsed."""
    return etree.fromstring(text.encode())


@pytest.fixture
def call(agent: str, tmp_path: Path, here: Interpreter) -> Resource:
    """Calls the agent on this host, with state below tmp_path and without parameters."""
    return Resource(agent, tmp_path, here)


@pytest.fixture
def daemon() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives."""
    process = subprocess.Popen(["/bin/sleep", "60"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def describe(agent: str, tmp_path: Path, lxml_loaded: Interpreter) -> Resource:
    """Calls the agent for its meta-data."""
    return Resource(agent, tmp_path, lxml_loaded)


@pytest.fixture(scope="session")
def node(described: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> BareNode:
    """A node on which only Python is installed."""
    paths = re.findall(r'default="(/[^"]*)"', "".join(described.values()))
    return BareNode(tmp_path_factory.mktemp("node"), {os.path.dirname(path) for path in paths})


@pytest.fixture(scope="session")
def bare(node: BareNode) -> Iterator[Interpreter]:
    """Runs agents on `node`, where they see only their own processes."""
    interpreter = Interpreter(LIBRARY, before=node.words)
    yield interpreter
    interpreter.close()


@pytest.fixture
def away(agent: str, tmp_path: Path, bare: Interpreter) -> Resource:
    """Calls the agent on a node without any software, with state below tmp_path."""
    return Resource(agent, tmp_path, bare)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interpreter]:
    """Runs programs on a node that has the agents where Pacemaker looks for them."""
    place = Installed(tmp_path_factory.mktemp("installed"))
    interpreter = Interpreter([], before=place.words)
    yield interpreter
    interpreter.close()


@pytest.fixture(scope="session")
def recited(
    described: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Interpreter]:
    """Like `installed`, but each agent is a shell script that only prints its meta-data."""
    place = Installed(tmp_path_factory.mktemp("recited"), described)
    interpreter = Interpreter(["pcs.app"], "-Es", place.words)
    yield interpreter
    interpreter.close()
