"""Heartbeat runs a group of haresources: a real Keystone and a virtual address. A client gets a
token again after each order and each fault."""

from __future__ import annotations

import os
import signal

import pytest

from tests.bed.node import Node, leader
from tests.bed.waiting import wait_until

from .pair import DAEMON, MOVE_SECONDS, SENTINEL, Pair

pytestmark = [pytest.mark.root, pytest.mark.cluster]

REFUSAL = "stop is refused by the test"
# A wrapper of the agent whose stop fails. It records its stops in the node's /var/log/stops.
STUBBORN = f"""#!/bin/sh
if [ "$1" = stop ]; then
    echo stop >> /var/log/stops
    echo "ocf-exit-reason:{REFUSAL}" >&2
    exit 1
fi
exec /run/whole/resource.d/openstack/keystone "$@"
"""
AGENT = "/usr/lib/ocf/resource.d/openstack/keystone"


def test_boot(pair: Pair) -> None:
    node = pair.wait_serving()
    assert node.name == "node-1"
    assert pair.call(node, "status") == ("running\n", 0)
    pair.assert_clean(pair.bed.node(2))


@pytest.mark.parametrize("order", ["hb_standby", "hb_takeover"])
def test_an_operators_order(served: Pair, order: str) -> None:
    active, other = served.roles()
    if order == "hb_standby":
        served.heartbeat.standby(active)
    else:
        served.heartbeat.take_over(other)
    served.wait_serving(other)
    served.assert_clean(active)


def test_the_death_of_a_node(served: Pair) -> None:
    active, other = served.roles()
    active.kill()
    served.wait_serving(other)
    # the node comes back and gets no resource: auto_failback is off
    active.boot()
    served.heartbeat.wait_settled()
    assert served.roles()[0].name == other.name
    served.assert_clean(active)


def test_heartbeat_k(served: Pair) -> None:
    active, other = served.roles()
    served.heartbeat.stop(active)
    served.assert_clean(active)
    served.wait_serving(other)
    assert active.is_alive()
    served.heartbeat.start(active)
    served.heartbeat.wait_settled()
    assert served.roles()[0].name == other.name


def test_a_start_that_fails(served: Pair) -> None:
    """Heartbeat gives the group back to the node that it came from.

    It does so only if haresources assigns the group to that node. Heartbeat 3.0.6 does not give
    back a node's own group if its line names several resources (seen; StandbyGroupType says
    "foreign").
    """
    active, other = served.roles()
    if active.name != "node-1":
        served.heartbeat.standby(active)
        served.wait_serving(other)
        active, other = other, active
    served.spoil(other)
    before = len(served.heartbeat.debug_log(other))
    served.heartbeat.take_over(other)
    # Heartbeat waits 30 s before it gives the group back
    pauses = wait_until(lambda: other.pids("^sleep 30$"), MOVE_SECONDS, f"{other} gives up")
    served.assert_clean(other)
    said = served.heartbeat.debug_log(other)[before:]
    assert "/usr/bin/no-keystone" in said
    for pid in pauses:
        os.kill(pid, signal.SIGTERM)
    served.wait_serving(active)
    served.assert_clean(other)


def test_a_stop_that_fails(served: Pair) -> None:
    """Heartbeat tries ten more times and then reboots the node; the other node takes over."""
    active, other = served.roles()
    fenced = len(served.bed.fencings())
    refuse_stop(active)
    served.heartbeat.standby(active)
    wait_until(lambda: len(served.bed.fencings()) > fenced, MOVE_SECONDS, f"{active} reboots")
    assert not active.is_alive()
    (fencing,) = served.bed.fencings()[fenced:]
    assert (fencing["node"], fencing["by"]) == (active.name, active.name)
    assert fencing["action"] == "reboot -nf"
    assert (active.folder / "var/log/stops").read_text().count("stop") == 11
    assert REFUSAL in served.heartbeat.debug_log(active)
    served.wait_serving(other)


def refuse_stop(node: Node) -> None:
    """Make the agent's stop fail until the node dies; other actions are not changed."""
    script = """
        mkdir /run/whole && mount --rbind /usr/lib/ocf /run/whole
        cat > /run/stubborn && chmod 755 /run/stubborn
        mount --bind /run/stubborn "$1"
    """
    node.run("sh", "-ec", script, "sh", AGENT, stdin=STUBBORN)


def test_a_crash_that_nobody_is_told_of(served: Pair) -> None:
    """Heartbeat does not monitor resources. The sentinel's report does no harm, and the status is
    the same as after a stop."""
    active, _ = served.roles()
    before = len(served.heartbeat.log(active))
    crash(active)
    wait_until(lambda: not active.pids(SENTINEL), 30, "the sentinel has ended")
    said = served.heartbeat.log(active)[before:]
    assert "was ended by signal 9 (SIGKILL); nobody is told" in said
    assert served.call(active, "status") == ("stopped\n", 3)
    assert served.call(active, "stop")[1] == 0
    assert served.call(active, "start")[1] == 0
    served.wait_serving(active)


def crash(node: Node) -> None:
    """Kill the daemon's parent; its workers end with it."""
    os.kill(leader(node.processes(DAEMON)), signal.SIGKILL)
    wait_until(lambda: not node.pids(DAEMON), 10, "all of it are gone")
