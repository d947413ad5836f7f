"""Builds the cloud: databases, files, HAProxy and address, Identity, then everything else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests import pace
from tests.bed.bed import Bed
from tests.bed.cluster import Cluster
from tests.bed.configuration import PATIENT, Timing
from tests.stack.stack import Stack
from tests.storm.backbone import IDENTITY_ADDRESS
from tests.storm.standing import DEGRADED, FAILED, HEALTHY, Standing, instances

from . import balancer, commands
from .architecture import ALL, BALANCER, Service, switch
from .commands import ADDRESS, FIRST
from .deployment import BINDS, Prepared, make_switch

__all__ = ["BINDS", "Cloud", "built"]
# As in the paper.
INTERVAL = 30
# Time limit for all services of three nodes on two cores.
START_SECONDS = 600
# How often progress is checked; the shortest time between two reports, changed and unchanged.
LOOK_SECONDS, NEWS_SECONDS, TELL_SECONDS = 1.0, 3.0, 15.0


def silent(text: str) -> None:
    """Print nothing."""


class Cloud:
    """A cloud on a bed that was entered with BINDS and not yet booted.

    services: see architecture.choose. interval: of the monitors, in seconds. say: called with a
    line about each step. address: the virtual address. identity: the URL of Identity there.
    """

    address = IDENTITY_ADDRESS

    def __init__(
        self,
        bed: Bed,
        services: Sequence[Service] = ALL,
        interval: int = INTERVAL,
        say: Callable[[str], None] = silent,
    ) -> None:
        self.bed, self.services, self.interval, self.say = bed, services, interval, say
        self.cluster = Cluster(bed, say)
        self.servers = Prepared(bed)
        self.identity = self.servers.identity
        self.typed: list[str] = []

    # What it consists of.

    def service(self, agent: str) -> Service:
        """Return the service of an agent. Raises KeyError if this cloud does not have it."""
        return {service.agent: service for service in self.services}[agent]

    def resource(self, agent: str) -> str:
        """Return the name of its primitive."""
        return self.service(agent).resource

    def clone(self, agent: str) -> str:
        """Return the name of its clone, or of the primitive if it is none."""
        return self.service(agent).top

    def url(self, agent: str) -> str:
        """Return the URL of an API at the virtual address."""
        return f"http://{self.address}:{self.service(agent).port}"

    def expected(self) -> dict[str, int]:
        """Return how many instances each resource should have."""
        number = len(self.bed.nodes)
        found = {BALANCER.resource: number, ADDRESS: 1}
        found.update({program.resource: number for program in switch(self.services)})
        for service in self.services:
            found[service.resource] = number if service.is_clone else 1
        return found

    def standings(self) -> list[tuple[str, Standing]]:
        """Return the name and the state of each instance."""
        found = instances(self.cluster.cib("status"))
        names = self.expected()
        return [(name, standing) for name, standing in found if name in names]

    def nodes(self, agent: str) -> list[str]:
        """Return the names of the nodes on which it is healthy."""
        name = self.resource(agent)
        return [s.node for each, s in self.standings() if (each, s.state) == (name, HEALTHY)]

    # Building it.

    def build(self) -> None:
        """Build the cloud; return once everything is healthy. Raises what the bed raises,
        TimeoutError if something does not come up, AssertionError if a preparation fails."""
        with ThreadPoolExecutor(1) as pool:
            booted = pool.submit(self._boot)
            self.say("starting MariaDB, RabbitMQ and memcached on a separate machine")
            self.servers.up()
            self.servers.catalog.prepare()
            self.say("Keystone's database and keys are ready")
            booted.result()
        self.servers.deploy("keystone")
        self._write_balancer()
        self._begin()
        self.servers.catalog.wait()
        self.say(f"Identity answers at {self.identity}")
        self._prepare()
        self._finish()
        self.wait_healthy()
        self.cluster.wait_idle()

    def down(self) -> None:
        """Stop the servers' machine. Call it after the bed has ended."""
        self.servers.down()

    def _boot(self) -> None:
        self.bed.boot()
        self.cluster.wait_online()
        self.say(f"{len(self.bed.nodes)} nodes are online, {self.cluster.dc()} is the DC")

    def balancer(self) -> str:
        """Return haproxy.cfg, which is the same on every node."""
        nodes = {node.name: node.address for node in self.bed.nodes}
        return balancer.configure(self.services, self.address, nodes)

    def _write_balancer(self) -> None:
        for node in self.bed.nodes:
            (self.servers.of(node) / "haproxy.cfg").write_text(self.balancer())

    def _type(self, lines: Sequence[str]) -> None:
        """Run the commands on node-1, as an operator would."""
        for line in lines:
            self.bed.node(1).run("sh", "-c", line, timeout=180)
            self.typed.append(line)

    def _begin(self) -> None:
        """Create the address, HAProxy and Identity."""
        early = [service for service in self.services if service.stage == 1]
        self._type(commands.begin())
        self._type(commands.serve(self.address))
        self._type(self._creation(early))
        self._type(commands.order(early, *FIRST))
        self._type(commands.push())
        self.wait_healthy([BALANCER.resource, ADDRESS, *(each.resource for each in early)])

    def _prepare(self) -> None:
        """Make the other projects' databases and meanwhile declare the resources. Two databases at
        a time, as each keeps a core busy; those with the most tables first."""
        needs = dict.fromkeys(service.real.needs for service in self.services)
        with ThreadPoolExecutor(2) as pool, ThreadPoolExecutor(1) as beside:
            declared = beside.submit(self._declare)
            for done in [pool.submit(self._prepare_one, need) for need in reversed(needs)]:
                done.result()
            declared.result()

    def _prepare_one(self, need: Callable[[Stack], None]) -> None:
        began = time.monotonic()
        self.servers.need(need)
        took = time.monotonic() - began
        if took > 1:
            project = need.__module__.rpartition(".")[2]
            self.say(f"{project}: database and configuration are ready ({took:.0f} s)")

    def _declare(self) -> None:
        late = [service for service in self.services if service.stage > 1]
        self._type(commands.begin())
        self._type([commands.run(program) for program in switch(self.services)])
        self._type(self._creation(late))
        self._type(commands.place(self.services))
        self._type(commands.order(self.services))
        self.say(f"{len(late)} more resources are defined")

    def _finish(self) -> None:
        for folder in sorted(self.servers.folder.glob("*/lock")):
            if folder.parent.name != "keystone":
                self.servers.deploy(folder.parent.name)
        if switch(self.services):
            for node in self.bed.nodes:
                make_switch(node)
        self._type(commands.push())

    def _creation(self, services: Sequence[Service]) -> list[str]:
        return [commands.create(each, self.identity, self.interval) for each in services]

    def wait_healthy(
        self, resources: Sequence[str] | None = None, seconds: float = START_SECONDS
    ) -> None:
        """Wait until all instances (of these resources) are healthy, and report progress.

        Raises TimeoutError, which names the unhealthy ones and the reasons.
        """
        expected = self.expected()
        wanted = {name: expected[name] for name in resources or expected}
        limit = pace.Limit(seconds)
        told, last = 0.0, -1
        while True:
            now = [(name, each) for name, each in self.standings() if name in wanted]
            well = [name for name, each in now if each.state == HEALTHY]
            is_done = all(well.count(name) >= number for name, number in wanted.items())
            pause = time.monotonic() - told
            if is_done or pause > (TELL_SECONDS if len(well) == last else NEWS_SECONDS):
                told, last = time.monotonic(), len(well)
                self.say(_progress(wanted, well, now))
            if is_done:
                if late := limit.lateness():
                    self.say(late)
                return
            if limit.is_over():
                raise TimeoutError(f"waited {limit}: {_progress(wanted, well, now)}")
            time.sleep(LOOK_SECONDS)


@contextmanager
def built(
    stage: Path,
    services: Sequence[Service],
    interval: int = INTERVAL,
    timing: Timing = PATIENT,
    say: Callable[[str], None] = silent,
) -> Iterator[Cloud]:
    """Build a cloud on a new bed, with the agents of `stage`; remove it all with the context."""
    with Bed(3, [stage], BINDS, timing=timing) as bed:
        cloud = Cloud(bed, services, interval, say)
        try:
            cloud.build()
            yield cloud
        finally:
            bed.stop()  # first, so that nothing writes into the folders that are now removed
            cloud.down()


def _progress(wanted: dict[str, int], well: list[str], now: list[tuple[str, Standing]]) -> str:
    """Say in one line how many instances are healthy, which have failed and which are awaited."""
    parts = [f"{len(well)} of {sum(wanted.values())} healthy"]
    for name, each in now:
        if each.state in (FAILED, DEGRADED):
            parts.append(f"{name} {each.state} on {each.node}: {each.reason}")
    missing = [name.removeprefix("p_") for name, n in wanted.items() if well.count(name) < n]
    if missing:
        shown = " ".join(missing[:6])
        parts.append(f"waiting for {shown}" + (" ..." if len(missing) > 6 else ""))
    return "; ".join(parts)
