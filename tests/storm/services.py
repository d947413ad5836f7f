"""The services of the storm: the node of each, and its dependencies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.stack.daemons import first_of_each_agent
from tests.stack.real import Real

IDENTITY, BROKER, DATABASE = "identity", "broker", "database"
TITLES = {IDENTITY: "Keystone", BROKER: "RabbitMQ", DATABASE: "MariaDB"}
KEYSTONE = "p_keystone"
REALS = {real.agent: real for real in first_of_each_agent()}


@dataclass(frozen=True)
class Service:
    """One resource. node: 1 to 3, where it starts. needs: dependencies whose absence it must
    report. is_early: starts before the others."""

    agent: str
    node: int
    needs: frozenset[str]
    is_early: bool = False

    @property
    def resource(self) -> str:
        return f"p_{self.agent}"

    @property
    def real(self) -> Real:
        return REALS[self.agent]


def _api(agent: str, node: int, *needs: str, is_early: bool = False) -> Service:
    return Service(agent, node, frozenset({IDENTITY, *needs}), is_early)


def _worker(agent: str, node: int) -> Service:
    return Service(agent, node, frozenset({BROKER, DATABASE}))


# The APIs of nova, cinder and neutron are asked over HTTP only, but call others through the broker,
# and report its absence too. swift-proxy has no database. nova-scheduler and nova-conductor ask
# placement-api before they serve, so it starts before them.
ALL = (
    _api("placement-api", 3, DATABASE, is_early=True),
    _api("glance-api", 3, DATABASE),
    _api("nova-api", 2, DATABASE, BROKER),
    _worker("nova-scheduler", 3),
    _worker("nova-conductor", 1),
    _api("cinder-api", 1, DATABASE, BROKER),
    _worker("cinder-scheduler", 2),
    _worker("cinder-volume", 3),
    _api("neutron-server", 1, DATABASE, BROKER),
    _api("swift-proxy", 2),
)
FEWER = tuple(
    service
    for service in ALL
    if service.agent not in ("cinder-api", "cinder-scheduler", "swift-proxy")
)


def dependants(services: Iterable[Service], gone: Iterable[str]) -> list[str]:
    """Return the resources that must report degraded while all of `gone` are away."""
    gone = set(gone)
    found = [service.resource for service in services if service.needs & gone]
    # Keystone depends only on the database; a stopped Keystone reports nothing
    return [*found, KEYSTONE] if DATABASE in gone and IDENTITY not in gone else found


def names(services: Sequence[Service]) -> list[str]:
    """Return the names of all resources, in the order in which they are shown."""
    return [KEYSTONE, *(service.resource for service in services)]
