"""The control plane: the services as resources of a cluster, each with a preferred node."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests import pace
from tests.bed.bed import NETWORK, Bed
from tests.bed.cluster import Cluster
from tests.bed.waiting import wait_until
from tests.stack.stack import CREDENTIALS

from .backbone import IDENTITY_ADDRESS, Backbone
from .services import ALL, IDENTITY, KEYSTONE, Service, names
from .standing import HEALTHY, Standing, standings

ADDRESS_RESOURCE = "p_ip"
START_SECONDS = 300


def watched(interval: int) -> tuple[str, ...]:
    """The words of pcs for a monitor every `interval` seconds. Other actions get the timeouts that
    the agent advertises."""
    return ("op", "monitor", f"interval={interval}s", "timeout=60s")


class Plant:
    """The cluster. intervals: between monitors, in seconds, for nova-api and for all others."""

    def __init__(self, bed: Bed, services: Sequence[Service], intervals: tuple[int, int]) -> None:
        self.bed, self.services = bed, services
        self.nova_interval, self.interval = intervals
        self.cluster = Cluster(bed)
        addresses = {s.real.port: f"{NETWORK}.{s.node}" for s in ALL if s.real.port}
        self.backbone = Backbone(bed, addresses)
        self.resources = names(services)

    def build(self) -> None:
        """Boot, make the databases, start everything; returns once everything is healthy."""
        with ThreadPoolExecutor(1) as pool:
            booted = pool.submit(self._boot)
            self.backbone.up()
            ini = self.backbone.catalog.prepare()
            booted.result()
        self._create_keystone(str(ini))
        self.backbone.catalog.wait()
        # two at a time, as each keeps a core busy; those with the most tables first
        with ThreadPoolExecutor(2) as pool:
            needs = dict.fromkeys(service.real.needs for service in self.services)
            for done in [pool.submit(self.backbone.need, need) for need in reversed(needs)]:
                done.result()
        self._prefer()
        for is_early in (True, False):
            for service in self.services:
                if service.is_early == is_early:
                    self._create(service)
            self._wait_healthy([s.resource for s in self.services if s.is_early or not is_early])
        self._wait_healthy(self.resources)
        self.cluster.wait_idle()

    def _boot(self) -> None:
        self.bed.boot()
        self.cluster.wait_online()

    def _create_keystone(self, ini: str) -> None:
        """Create Keystone in a group with its address, so that it starts on the same node."""
        address = ("ocf:heartbeat:IPaddr2", f"ip={IDENTITY_ADDRESS}", "cidr_netmask=24")
        every = watched(self.interval)
        group = ("--group", "g_keystone")
        pcs = self.cluster.pcs
        pcs("resource", "create", ADDRESS_RESOURCE, *address, *every, *group)
        self._make(KEYSTONE, "keystone", {"config": ini, **CREDENTIALS}, self.interval, *group)

    def _create(self, service: Service) -> None:
        interval = self.nova_interval if service.agent == "nova-api" else self.interval
        parameters = dict(service.real.parameters)
        self._make(service.resource, service.agent, parameters, interval)

    def _make(
        self, resource: str, agent: str, parameters: dict[str, str], interval: int, *more: str
    ) -> None:
        stack = self.backbone
        given = {"log_file": f"{stack.log}/{agent}.out", **parameters}
        if "os_auth_url" in given:
            given["os_auth_url"] = f"{stack.identity}/v2.0/"
        words = [f"{k}={v}".replace("{folder}", str(stack.folder)) for k, v in given.items()]
        agent = f"ocf:openstack:{agent}"
        self.cluster.pcs("resource", "create", resource, agent, *words, *watched(interval), *more)

    def _prefer(self) -> None:
        """Give each service a preferred node. There is no order constraint: with Keystone first, it
        would stop all others whenever Keystone is stopped."""
        for node in self.bed.nodes:
            mine = [s.agent for s in self.services if f"node-{s.node}" == node.name]
            if mine:
                rule = f"regexp%p_({'|'.join(mine)})"
                self.cluster.pcs("constraint", "location", rule, "prefers", f"{node.name}=50")

    def standings(self) -> dict[str, Standing]:
        """Return the current state of each resource."""
        return standings(self.cluster.cib("status"), self.resources)

    def _wait_healthy(self, resources: Sequence[str]) -> None:
        def ill() -> dict[str, Standing]:
            now = self.standings()
            return {name: now[name] for name in resources if now[name].state != HEALTHY}

        limit = pace.Limit(START_SECONDS)
        while left := ill():
            if limit.is_over():
                raise TimeoutError(f"not healthy after {limit}: {left}")
            time.sleep(0.5)

    # The dependencies.

    def take_away(self, dependency: str) -> None:
        """Stop Keystone, the broker or the database; returns once it is down."""
        if dependency == IDENTITY:
            self.cluster.pcs("resource", "disable", KEYSTONE)
            wait_until(lambda: not self.cluster.where(KEYSTONE), 90, "Keystone is stopped")
        else:
            self.backbone.stop(dependency)

    def bring_back(self, dependency: str) -> None:
        """Start it again; returns once it answers."""
        if dependency == IDENTITY:
            self.cluster.pcs("resource", "enable", KEYSTONE)
            self.backbone.catalog.wait()
        else:
            self.backbone.start(dependency)
