"""The services of the cloud: which are clones, which are behind the virtual address, and the start
order.

The order applies if several resources start or stop together (kind=Optional), in stages:

1   the address with its HAProxy, then Identity, which every other service asks
2   services that others ask before they serve: nova-conductor and nova-scheduler exit at their
    start if Placement does not answer; without Swift's storage its proxy answers 503
3   the APIs, and the services that work behind them all the time
4   services that report to the APIs or do their work: compute, agents, engines, the dashboard

A mandatory order would stop everything whenever the last Keystone stops. That repairs nothing:
while Identity, broker or database is away, the other services wait, report themselves as degraded,
and continue when it is back (`make storm`). An optional order applies when the cluster or a node
boots, which is when it matters. A clone waits for the instance on its own node (interleave).

A service that must not run twice is a primitive: Pacemaker keeps it on one node, under one host
name in its configuration, so that it still owns its volumes or routers after a move. Only such a
service needs a colocation: all others reach each other through the virtual address or the broker.

HAProxy and Open vSwitch, which are not part of OpenStack but run on the nodes, are resources too.
MariaDB, RabbitMQ and memcached run on a separate machine, outside Pacemaker. Three of each, as in a
real cloud (Galera, a cluster of brokers), would take the memory of a fourth node, and the cores at
each fault. They would show only what is known about their own agents, ocf:heartbeat:galera and
rabbitmq-cluster.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tests.stack import daemons, neutron
from tests.stack.real import Real
from tests.stack.stack import Stack

REALS = {real.agent: real for real in daemons.first_of_each_agent()}
TCP = ""


@dataclass(frozen=True)
class Service:
    """agent: its name. stage: when it starts, see above. check: the path that HAProxy requests, TCP
    for a mere connection, None if it is not behind the virtual address. is_clone: runs on every
    node. near: agents of this table that must run on the same node."""

    agent: str
    stage: int
    check: str | None = None
    is_clone: bool = True
    near: tuple[str, ...] = ()

    @property
    def resource(self) -> str:
        return f"p_{self.agent}"

    @property
    def top(self) -> str:
        """The name for constraints: the clone, if it is one, else the primitive."""
        return f"{self.resource}-clone" if self.is_clone else self.resource

    @property
    def real(self) -> Real:
        return OWN.get(self.agent) or REALS[self.agent]

    @property
    def port(self) -> int | None:
        """Its port, at the virtual address and on the nodes; None if not behind the address."""
        return None if self.check is None else self.real.port


@dataclass(frozen=True)
class Program:
    """Another program on every node. line: its arguments. alive: a command that fails if the
    program does not work, or "". users: agents, any of which needs it; () for all."""

    name: str
    binary: str
    line: str
    alive: str = ""
    users: tuple[str, ...] = ()

    @property
    def resource(self) -> str:
        return f"p_{self.name}"

    @property
    def top(self) -> str:
        return f"{self.resource}-clone"


def _nothing(stack: Stack) -> None:
    """Prepare nothing: Keystone's database is made before all others."""


_KEYSTONE = REALS["keystone"]
# Services that differ from those of a one-host stack.
OWN = {
    "keystone": replace(
        _KEYSTONE,
        parameters={**_KEYSTONE.parameters, "config": "{folder}/keystone/keystone.ini"},
        needs=_nothing,
        port=5000,
    ),
    # each node has a switch of its own
    "neutron-openvswitch-agent": replace(REALS["neutron-openvswitch-agent"], needs=neutron.prepare),
}
ALL = (
    Service("keystone", 1, "/healthcheck"),
    Service("glance-api", 2, "/healthcheck"),
    Service("placement-api", 2, "/"),
    Service("swift-account", 2),
    Service("swift-container", 2),
    Service("swift-object", 2),
    Service("swift-proxy", 3, "/healthcheck"),
    Service("nova-api", 3, "/"),
    Service("nova-api-metadata", 3, "/"),
    Service("nova-conductor", 3),
    Service("cinder-api", 3, "/healthcheck"),
    Service("neutron-server", 3, "/healthcheck"),
    Service("heat-api", 3, "/healthcheck"),
    Service("nova-scheduler", 4),
    Service("nova-novncproxy", 4, TCP),
    Service("nova-compute", 4),
    Service("cinder-scheduler", 4),
    Service("cinder-volume", 4, is_clone=False),
    Service("neutron-metadata-agent", 4),
    Service("neutron-openvswitch-agent", 4),
    Service("neutron-agent-dhcp", 4),
    Service(
        "neutron-agent-l3",
        4,
        is_clone=False,
        near=("neutron-metadata-agent", "neutron-openvswitch-agent"),
    ),
    Service("heat-engine", 4),
    Service("horizon", 4, TCP),
)
# The folder of each node's files.
FOLDER = "/srv"
# It retries because the agent's start asks once too, before HAProxy listens.
ASKING = "curl --silent --fail --output /dev/null --max-time 3 --retry 3 --retry-connrefused"
# Where the monitor of HAProxy asks whether it is alive.
ALIVE = "127.0.0.1:8404"
BALANCER = Program(
    "haproxy",
    "/usr/sbin/haproxy",
    f"-db -f {FOLDER}/haproxy.cfg",
    f"{ASKING} --retry-delay 1 http://{ALIVE}/alive",
)
# Open vSwitch without its kernel module. Its daemons take their folder from a variable.
SWITCH_FOLDER = f"{FOLDER}/neutron/data/switch"
SWITCH_USERS = ("neutron-openvswitch-agent",)
SWITCH = (
    Program(
        "ovsdb-server",
        "/usr/bin/env",
        f"OVS_RUNDIR={SWITCH_FOLDER} ovsdb-server {SWITCH_FOLDER}/conf.db"
        f" --remote=punix:{SWITCH_FOLDER}/db.sock --remote={neutron.OVSDB}",
        users=SWITCH_USERS,
    ),
    Program(
        "ovs-vswitchd",
        "/usr/bin/env",
        f"OVS_RUNDIR={SWITCH_FOLDER} ovs-vswitchd unix:{SWITCH_FOLDER}/db.sock --disable-system",
        users=SWITCH_USERS,
    ),
)
# What a user's first three requests need: a token, a list of images, a list of servers.
FEWER = ("keystone", "glance-api", "nova-api")
# Agents that each agent needs.
NEEDS = {
    "nova-conductor": ("placement-api",),
    "nova-scheduler": ("placement-api",),
    "nova-compute": ("nova-conductor",),
    "swift-proxy": ("swift-account", "swift-container", "swift-object"),
    "neutron-metadata-agent": ("neutron-server", "nova-api-metadata"),
    "neutron-openvswitch-agent": ("neutron-server",),
    "neutron-agent-dhcp": ("neutron-openvswitch-agent",),
    "neutron-agent-l3": ("neutron-openvswitch-agent", "neutron-metadata-agent"),
}


def choose(names: Iterable[str]) -> tuple[Service, ...]:
    """Return the services with these names, with Identity and all that they need, in the table's
    order. Raises ValueError, which lists the known names, for an unknown name."""
    known = {service.agent for service in ALL}
    left, wanted = ["keystone", *names], set()
    while left:
        name = left.pop()
        if name not in known:
            raise ValueError(f"no service {name!r}; choose from {', '.join(sorted(known))}")
        if name not in wanted:
            wanted.add(name)
            left += NEEDS.get(name, ())
    return tuple(service for service in ALL if service.agent in wanted)


def switch(services: Iterable[Service]) -> tuple[Program, ...]:
    """Return the programs of Open vSwitch, if one of these services needs it."""
    agents = {service.agent for service in services}
    return tuple(program for program in SWITCH if agents & set(program.users))
