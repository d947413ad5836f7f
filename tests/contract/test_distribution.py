"""Without parameters, each agent runs the same command as Debian's init script or unit."""

from __future__ import annotations

import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ocf_lib import agent
from ocf_lib.declare.parameters import Parameters
from ocf_lib.declare.service import Service
from ocf_lib.launch import command
from ocf_lib.outcomes import NotInstalled
from tests.calling import AGENTS

INIT, UNITS = Path("/etc/init.d"), Path("/lib/systemd/system")
PROJECTS = ("aodh", "ceilometer", "cinder", "glance", "heat", "keystone", "manila", "neutron")
PROJECTS += ("nova", "placement", "swift")
# The shell suite's names, by Debian's name if that differs.
OURS = {"neutron-dhcp-agent": "neutron-agent-dhcp", "neutron-l3-agent": "neutron-agent-l3"}
# Services whose agent runs another command, with the reason.
OTHERWISE = {
    "nova-novncproxy": "the web client that parameter web names, as the old suite did; Debian's "
    "script says nothing unless /etc/default/nova-consoleproxy chooses noVNC",
}


def scripts() -> list[str]:
    found = (path.name for path in INIT.glob("*"))
    return sorted(name for name in found if name.startswith(PROJECTS))


def declaration(name: str, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The Service that an agent file passes to `agent.run`."""
    handed: list[Service] = []
    monkeypatch.setattr(agent, "run", handed.append)
    monkeypatch.setattr(sys, "path", [*sys.path])
    runpy.run_path(str(AGENTS / name))
    return handed[0]


def unset(service: Service) -> Parameters:
    """Its parameters, none of them set."""
    return Parameters(service.parameters, {}, strict=True)


def packaged(name: str) -> list[str]:
    """The command line of the unit. Most units run the init script, which prints it (show-args)."""
    lines = (UNITS / f"{name}.service").read_text().splitlines()
    line = next(line for line in lines if line.startswith("ExecStart=")).partition("=")[2]
    if "systemd-start" in line:
        words = [str(INIT / name), "show-args"]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        line = done.stdout
    return shlex.split(line)


@pytest.mark.root
@pytest.mark.parametrize("script", scripts())
def test_each_runs_what_the_distribution_runs(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = OURS.get(script, script)
    assert (AGENTS / name).exists(), "Debian packages a service that has no agent"
    service = declaration(name, monkeypatch)
    ours = command.resolve(service, unset(service)).argv
    if script in OTHERWISE:
        assert ours != packaged(script)
    else:
        assert ours == packaged(script)


@pytest.mark.root
@pytest.mark.file
def test_reload_is_offered_where_what_the_distribution_runs_can_do_it(
    agent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On reload an API loads all its code again, which takes as long as a start."""
    service = declaration(agent, monkeypatch)
    is_offered = "reload" in {action.name for action in service.actions}
    try:
        usual = command.resolve(service, unset(service)).reloading
    except NotInstalled:  # of the old days, or another distribution's
        usual = service.programs[0].reloading
    assert is_offered == bool(usual.signal)
    assert not is_offered or service.timeout_of("reload") >= service.timeout_of("start")
