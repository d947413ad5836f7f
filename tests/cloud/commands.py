"""The pcs commands that make the cloud's resources, as an operator types them on a node.

They are typed at a copy of the CIB (`pcs -f`) and pushed at once: nothing starts before what it is
to be ordered after is known.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence

from tests.stack.stack import CREDENTIALS

from .architecture import Service

FILE = "/run/cloud.xml"
FOLDER = "/srv"
PCS = ("pcs", "-f", FILE)
# What is before stage 1.
BALANCER, ADDRESS = "p_haproxy", "p_ip"
FIRST = (f"{BALANCER}-clone", ADDRESS)
# How HAProxy itself is monitored. The agent's start does it once too, before HAProxy listens.
ASKING = (
    *("curl", "--silent", "--fail", "--output", "/dev/null", "--max-time", "3"),
    *("--retry", "3", "--retry-connrefused", "--retry-delay", "1"),
)
# On two cores that all services start on at once; a start takes 2 to 10 s of CPU.
START_TIMEOUT = 240


def begin() -> list[str]:
    """Copy the CIB, twice: what is pushed is the difference."""
    return [f"pcs cluster cib {FILE}", f"cp {FILE} {FILE}.before"]


def push() -> list[str]:
    return [f"pcs cluster cib-push {FILE} diff-against={FILE}.before"]


def serve(address: str, alive: str) -> list[str]:
    """HAProxy on every node, and the address on one where it runs. alive: where HAProxy says that
    it is. The order is no mandatory one: where HAProxy is restarted, the address stays."""
    haproxy = (
        "binfile=/usr/sbin/haproxy",
        f"cmdline_options=-db -f {FOLDER}/haproxy.cfg",
        f"logfile={FOLDER}/log/haproxy.log",
        f"monitor_hook={' '.join(ASKING)} http://{alive}/alive",
    )
    every = ("op", "monitor", "interval=5s", "timeout=20s")
    ip = ("ocf:heartbeat:IPaddr2", f"ip={address}", "cidr_netmask=24")
    anything = ("ocf:heartbeat:anything", *haproxy, *every)
    clone = f"{BALANCER}-clone"
    return _lines(
        ("resource", "create", BALANCER, *anything, "clone", "interleave=true"),
        ("resource", "create", ADDRESS, *ip, "op", "monitor", "interval=10s", "timeout=20s"),
        ("constraint", "colocation", "add", ADDRESS, "with", clone),
    )


def create(service: Service, identity: str, interval: int) -> str:
    """The resource. identity: URL of the API; interval: of its monitor, in seconds."""
    given = {
        name: value.replace("{folder}", FOLDER) for name, value in service.real.parameters.items()
    }
    if set(CREDENTIALS) & set(given):
        given["os_auth_url"] = f"{identity}/v3"
    words = (f"{name}={value}" for name, value in given.items())
    start = ("op", "start", f"timeout={START_TIMEOUT}s")
    monitor = ("monitor", f"interval={interval}s", "timeout=30s")
    clone = ("clone", "interleave=true") if service.is_clone else ()
    agent = f"ocf:openstack:{service.agent}"
    name = service.resource
    return next(_lines_of(("resource", "create", name, agent, *words, *start, *monitor, *clone)))


def place(services: Sequence[Service]) -> list[str]:
    """Which primitive must be on whose node."""
    found = {service.agent: service for service in services}
    return _lines(
        *(
            ("constraint", "colocation", "add", each.resource, "with", found[each.near].top)
            for each in services
            if each.near
        )
    )


def order(services: Sequence[Service], *first: str) -> list[str]:
    """One constraint: `first`, one after the other, then stage after stage."""
    sets = [[each] for each in first]
    for stage in sorted({service.stage for service in services}):
        sets.append([service.top for service in services if service.stage == stage])
    words: list[str] = []
    for each in sets:
        words += ["set", *each, *(["sequential=false"] if len(each) > 1 else [])]
    return _lines(("constraint", "order", *words, "setoptions", "kind=Optional"))


def _lines(*commands: Iterable[str]) -> list[str]:
    return list(_lines_of(*commands))


def _lines_of(*commands: Iterable[str]) -> Iterator[str]:
    for words in commands:
        yield shlex.join([*PCS, *words])
