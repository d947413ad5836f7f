"""Real Keystone, Glance and nova-api, as Debian 12 starts them, each with a gate."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from lxml import etree

from tests.bench.busy_gate import Gate
from tests.calling import Caller
from tests.stack import image, nova
from tests.stack.stack import CREDENTIALS, Stack

KEYSTONE, GLANCE, NOVA = 5001, 9292, 8774
# All log in at the Keystone that is monitored, not at the stack's own.
ACCOUNT = {**CREDENTIALS, "os_auth_url": f"http://127.0.0.1:{KEYSTONE}/v3"}


class Operation(NamedTuple):
    """An action as an agent advertises it. timeout, interval: seconds."""

    timeout: float
    interval: float = 0.0
    depth: int = 0


class Service:
    """One service. port: of its API. workers: how many answer requests."""

    def __init__(self, stack: Stack, caller: Caller, gate: Gate, port: int) -> None:
        self.stack, self.caller, self.gate, self.port = stack, caller, gate, port
        self.workers = stack.workers
        self.name = caller.agent
        self.monitors, self.timeouts = advertised(caller)

    def call(self, action: str) -> int:
        """Start or stop it, with the timeout that the agent advertises; returns the exit code."""
        return self.caller(action, timeout=self.timeouts[action]).code


def begin(stack: Stack, agents: Path) -> list[Service]:
    """Prepare and start the services. agents: the folder of the installed agents."""
    made = []
    for make in (_keystone, _glance, _nova):
        service = make(stack, agents)
        result = service.caller("start", timeout=service.timeouts["start"])
        assert result.code == 0, f"{service.name}: {result}"
        made.append(service)
        # Glance and Nova validate their users' tokens at the Keystone that is monitored
        stack.identity = f"http://127.0.0.1:{KEYSTONE}"
    return made


def advertised(caller: Caller) -> tuple[list[Operation], dict[str, float]]:
    """The recurring monitors, and the timeouts of the other actions, from the meta-data."""
    told = caller("meta-data").out
    monitors, timeouts = [], {}
    for action in etree.fromstring(told.encode()).iter("action"):
        timeout = seconds(action.get("timeout"))
        if action.get("name") == "monitor":
            interval = seconds(action.get("interval"))
            monitors.append(Operation(timeout, interval, int(action.get("depth", "0"))))
        else:
            timeouts[str(action.get("name"))] = timeout
    return monitors, timeouts


def seconds(text: str | None) -> float:
    """A time of the meta-data ("30s")."""
    return float((text or "0").rstrip("s"))


def _caller(stack: Stack, agents: Path, agent: str, **parameters: object) -> Caller:
    caller = stack.caller(agent, **parameters, **ACCOUNT)
    caller.agents = agents
    return caller


def _keystone(stack: Stack, agents: Path) -> Service:
    home = stack.home("keystone")
    gate = Gate(home, "/usr/bin/keystone-wsgi-public", is_uwsgi=True)
    where = f"env = OS_KEYSTONE_CONFIG_DIR={home}"
    ini = stack.uwsgi(
        "keystone", "keystone-gated", KEYSTONE, str(gate.program), where, workers=stack.workers
    )
    return Service(stack, _caller(stack, agents, "keystone", config=ini), gate, KEYSTONE)


def _glance(stack: Stack, agents: Path) -> Service:
    stack.need(image.prepare)
    home = stack.home("glance")
    gate = Gate(home, "/usr/bin/glance-api", is_uwsgi=False)
    config = home / "glance-api.conf"
    caller = _caller(stack, agents, "glance-api", binary=gate.program, config=config)
    return Service(stack, caller, gate, GLANCE)


def _nova(stack: Stack, agents: Path) -> Service:
    stack.need(nova.prepare)
    home = stack.home("nova")
    gate = Gate(home, "/usr/bin/nova-api-wsgi", is_uwsgi=True)
    where = f"env = OS_NOVA_CONFIG_DIR={home}"
    ini = stack.uwsgi("nova", "nova-gated", NOVA, str(gate.program), where, workers=stack.workers)
    return Service(stack, _caller(stack, agents, "nova-api", config=ini), gate, NOVA)
