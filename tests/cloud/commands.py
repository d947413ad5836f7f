"""The pcs commands that make the cloud's resources, as an operator types them on a node.

They change a copy of the CIB (`pcs -f`), which is pushed as a whole: no resource starts before its
order constraints are known.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence

from tests.stack.stack import CREDENTIALS

from .architecture import BALANCER, FOLDER, Program, Service, switch

FILE = "/run/cloud.xml"
PCS = ("pcs", "-f", FILE)
ADDRESS = "p_ip"
# What starts before stage 1.
FIRST = (BALANCER.top, ADDRESS)
# Actions of a node at a time. Pacemaker's default is twice the cores: 12 on three nodes that share
# two. Monitors with 30 s may then exceed them, so that healthy services are restarted (seen).
AT_ONCE = 2
PLUGGING = ("neutron-openvswitch-agent", "neutron-agent-dhcp", "neutron-agent-l3")


def begin() -> list[str]:
    """Return the commands that copy the CIB, twice: only the difference is pushed."""
    return [f"pcs cluster cib {FILE}", f"cp {FILE} {FILE}.before"]


def push() -> list[str]:
    return [f"pcs cluster cib-push {FILE} diff-against={FILE}.before"]


def serve(address: str) -> list[str]:
    """Return the commands for HAProxy on every node, and for the address on a node that runs
    HAProxy. The order is not mandatory: if HAProxy restarts, the address stays.

    A rule keeps the address away from the coordinator (DC): after its death, a new one is elected
    first, and then sleeps for a second (Pacemaker's do_pe_invoke_callback). Without the rule, users
    are answered 1.7 s after the death of a coordinator with the address, and 0.7 s after another
    node's; with the rule they wait 0.2 s and 0.7 s (measured). The rule prefers the other nodes: a
    score below 0 for the coordinator would leave the address nowhere if the coordinator is the last
    node that can have it (seen).
    """
    ip = ("ocf:heartbeat:IPaddr2", f"ip={address}", "cidr_netmask=24")
    return [
        *_lines(("property", "set", f"node-action-limit={AT_ONCE}")),
        run(BALANCER),
        *_lines(
            ("resource", "create", ADDRESS, *ip, "op", "monitor", "interval=10s", "timeout=20s"),
            ("constraint", "colocation", "add", ADDRESS, "with", BALANCER.top),
            ("constraint", "location", ADDRESS, "rule", "score=100", "#is_dc", "eq", "false"),
        ),
    ]


def run(program: Program) -> str:
    """Return the command that creates the program's resource, a clone."""
    words = [f"binfile={program.binary}", f"cmdline_options={program.line}"]
    words += [f"logfile={FOLDER}/log/{program.name}.log"]
    words += [f"monitor_hook={program.alive}"] if program.alive else []
    every = ("op", "monitor", "interval=5s", "timeout=20s", "clone", "interleave=true")
    name = program.resource
    return next(_lines_of(("resource", "create", name, "ocf:heartbeat:anything", *words, *every)))


def create(service: Service, identity: str, interval: int) -> str:
    """Return the command that creates the resource. identity: Identity's URL. interval: seconds
    between two monitors."""
    given = {
        name: value.replace("{folder}", FOLDER) for name, value in service.real.parameters.items()
    }
    if set(CREDENTIALS) & set(given):
        given["os_auth_url"] = f"{identity}/v3"
    words = (f"{name}={value}" for name, value in given.items())
    # start and stop get the timeouts that the agent advertises
    monitor = ("op", "monitor", f"interval={interval}s", "timeout=60s")
    clone = ("clone", "interleave=true") if service.is_clone else ()
    agent = f"ocf:openstack:{service.agent}"
    name = service.resource
    return next(_lines_of(("resource", "create", name, agent, *words, *monitor, *clone)))


def place(services: Sequence[Service]) -> list[str]:
    """Return the colocations: each primitive with the resources that it must be near."""
    found = {service.agent: service for service in services}
    pairs = ((each.resource, found[near].top) for each in services for near in each.near)
    return _lines(
        *(("constraint", "colocation", "add", name, "with", other) for name, other in pairs)
    )


def order(services: Sequence[Service], *first: str) -> list[str]:
    """Return the order constraints: `first`, one after the other, then stage after stage; and, if
    there is a switch, one that starts it before the agents that plug something in."""
    stages = sorted({service.stage for service in services})
    sets = [[each] for each in first]
    sets += [[each.top for each in services if each.stage == stage] for stage in stages]
    found = [sets]
    if programs := switch(services):
        plugging = [each.top for each in services if each.agent in PLUGGING]
        found.append([*([each.top] for each in programs), plugging])
    return _lines(*map(_order, found))


def _order(sets: Sequence[Sequence[str]]) -> Iterator[str]:
    yield from ("constraint", "order")
    for each in sets:
        yield from ("set", *each, *(["sequential=false"] if len(each) > 1 else []))
    yield from ("setoptions", "kind=Optional")


def _lines(*commands: Iterable[str]) -> list[str]:
    return list(_lines_of(*commands))


def _lines_of(*commands: Iterable[str]) -> Iterator[str]:
    for words in commands:
        yield shlex.join([*PCS, *words])
