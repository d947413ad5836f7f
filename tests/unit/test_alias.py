"""A whole agent for an invented service: called by its current name and by older ones; and how long
its start waits for connections that never come."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.calling import AGENTS, ROOT, Caller
from tests.unit.conftest import PYTHON

AGENT = """#!/usr/bin/python3 -IS
import sys

sys.path[:0] = [{root!r}]
from ocf_lib import agent
from ocf_lib.actions import ready
from ocf_lib.declare import actions, standard
from ocf_lib.declare.service import Program, Service

ready.CONNECT_SECONDS = 4.0
agent.run(
    Service(
        name="demo-agent",
        aliases=("demo-old", "demo-older"),
        title="Demo",
        longdesc="A demo.",
        project="demo-of-ocf-lib",
        programs=(Program("demo-daemon"),),
        parameters=(
            *standard.daemon("demo-of-ocf-lib", user="root"),
            *standard.broker(),
            standard.database(),
        ),
        actions=actions.basic(),
        rpc_server={rpc_server},
    )
)
"""
DAEMON = f"#!{PYTHON} -IS\nimport time\ntime.sleep(600)\n"


class Demo:
    """The agent, to be called by any of its names."""

    def __init__(self, folder: Path, rpc_server: bool) -> None:
        self.folder = folder
        (folder / "demo-agent").write_text(AGENT.format(root=str(ROOT), rpc_server=rpc_server))
        (folder / "daemon").write_text(DAEMON)
        (folder / "demo.conf").write_text("[DEFAULT]\n")
        for name in ("demo-agent", "daemon"):
            (folder / name).chmod(0o755)
        for name in ("demo-old", "demo-older", "another"):
            (folder / name).symlink_to("demo-agent")

    def __call__(self, name: str) -> Caller:
        facts = {"binary": "daemon", "config": "demo.conf", "log_file": "log", "pid": "pid"}
        paths = {parameter: self.folder / path for parameter, path in facts.items()}
        caller = Caller(name, self.folder, **paths)
        caller.agents = self.folder
        return caller

    @property
    def log(self) -> str:
        return (self.folder / "ha.log").read_text()


@pytest.fixture
def make_demo(tmp_path: Path) -> Iterator[Callable[[bool], Demo]]:
    made = []

    def make(rpc_server: bool) -> Demo:
        made.append(Demo(tmp_path, rpc_server))
        return made[-1]

    yield make
    for demo in made:
        assert demo("demo-agent")("stop").code == 0


@pytest.fixture
def demo(make_demo: Callable[[bool], Demo]) -> Demo:
    return make_demo(False)


@pytest.mark.parametrize(
    "called, name",
    [
        ("demo-agent", "demo-agent"),
        ("demo-old", "demo-old"),
        ("demo-older", "demo-older"),
        ("another", "demo-agent"),
    ],
)
@pytest.mark.root
def test_an_agent_presents_itself_by_the_name_that_it_was_called_by(
    demo: Demo, called: str, name: str
) -> None:
    assert demo(called)("usage").out.startswith(f"usage: {name} (start, ")
    text = demo(called)("meta-data").out
    assert f'<resource-agent name="{name}"' in text
    is_older = name != "demo-agent"
    short = "Older name of demo-agent" if is_older else "Demo"
    assert f'<shortdesc lang="en">{short}</shortdesc>' in text
    assert (f"{name} is an older name of the agent demo-agent. Both run the same." in text) is (
        is_older
    )
    assert "A demo." in text


@pytest.mark.root
def test_by_whichever_name_it_is_the_same_instance(demo: Demo) -> None:
    """So the resource's type may be changed while the resource runs."""
    assert demo("demo-old")("start").code == 0
    assert demo("demo-agent").monitor().code == 0
    # also found without the record
    next((demo.folder / "rsctmp/openstack").glob("*.record")).unlink()
    assert demo("demo-older").monitor().code == 0
    assert demo("demo-older")("start").code == 0
    assert demo.log.count("launched as PID") == 1
    assert demo("demo-agent")("stop").code == 0
    assert demo("demo-old")("monitor").code == 7


@pytest.mark.parametrize("agent", [path.name for path in AGENTS.iterdir() if path.is_symlink()])
def test_every_link_is_an_older_name_that_its_agent_declares(agent: str) -> None:
    assert f"usage: {agent} (" in Caller(agent, Path("/nonexistent"))("usage").out


def test_every_older_name_that_is_declared_is_a_link() -> None:
    declarations = [
        (path.name, names)
        for path in AGENTS.iterdir()
        if not path.is_symlink() and path.is_file()
        for names in re.findall(r"\baliases=\(([^)]*)\)", path.read_text())
    ]
    assert declarations
    for agent, names in declarations:
        for name in re.findall(r'"([^"]+)"', names):
            assert (AGENTS / name).readlink() == Path(agent)


@pytest.mark.root
def test_all_connections_together_are_waited_for_once(make_demo: Callable[[bool], Demo]) -> None:
    """20 s, cut to 4 here, for all connections together: not the action's whole timeout."""
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        broker, database = one.getsockname()[1], two.getsockname()[1]
        call = make_demo(True)("demo-agent")
        result = call("start", amqp_server_port=broker, database_server_port=database)
    assert result.code == 0
    assert 4 <= result.seconds < 7.5
    log = (call.folder / "ha.log").read_text()
    for port in (broker, database):
        assert log.count(f"holds no connection to port {port} yet") == 1
