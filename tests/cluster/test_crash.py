"""A crash that is reported: recovered at once, whatever the interval of monitor; and not reported
where it would hurt."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bed.cluster import Failure
from tests.bed.node import Node
from tests.bed.waiting import wait_until

from .site import DAEMON, KEYSTONE, LOGIN, RECOVERY_SECONDS, Site

pytestmark = [pytest.mark.root, pytest.mark.cluster]

# No monitor comes within a test.
INTERVAL = "interval=600s"
REPORT = "asyncmon"
Make = Callable[..., Site]


@pytest.fixture
def make(site: Site) -> Iterator[Make]:
    """Creates a Keystone that is monitored so rarely that no monitor finds anything."""

    def create(*more: str, count: int = 1) -> Site:
        operation = ("op", "monitor", INTERVAL, "timeout=20s")
        site.logged = {node.name: log_of(node).stat().st_size for node in site.bed.nodes}
        site.pcs(
            "resource", "create", KEYSTONE, "ocf:openstack:keystone", *LOGIN, *operation, *more
        )
        wait_until(lambda: len(site.cluster.where(KEYSTONE)) == count, RECOVERY_SECONDS, "it runs")
        site.cluster.wait_idle(RECOVERY_SECONDS)
        assert site.cluster.failures() == []
        return site

    yield create
    site.clear()


def wait_recovered(site: Site, node: Node, crashed: int) -> Failure:
    wait_until(lambda: node.pids(DAEMON), RECOVERY_SECONDS, "it is started again")
    site.cluster.wait_idle(RECOVERY_SECONDS)
    assert site.leader(node) != crashed
    (failure,) = site.cluster.failures(KEYSTONE)
    return failure


def log_of(node: Node) -> Path:
    return node.folder / "var/log/pacemaker/pacemaker.log"


def said(site: Site, node: Node) -> str:
    """What is in the node's log since the test has begun."""
    return log_of(node).read_bytes()[site.logged[node.name] :].decode(errors="replace")


def test_it_is_recovered_in_place_without_a_monitor(make: Make) -> None:
    site = make()
    node = site.where()
    crashed = site.crash()
    failure = wait_recovered(site, node, crashed)
    assert (failure.node, failure.task, failure.rc) == (node.name, REPORT, 1)
    assert "was ended by signal 9 (SIGKILL); Pacemaker is told" in said(site, node)
    assert len(site.sentinels()) == 1
    # and again: the new one is watched, too
    wait_recovered(site, node, site.crash())
    site.assert_quiet()


def test_an_instance_of_a_clone_alone_is_recovered(make: Make) -> None:
    site = make("clone", "clone-max=3", "interleave=true", count=3)
    struck, *others = site.bed.nodes
    pids = [node.pids(DAEMON) for node in others]
    failure = wait_recovered(site, struck, site.crash(struck))
    assert (failure.node, failure.task) == (struck.name, REPORT)
    assert [node.pids(DAEMON) for node in others] == pids
    assert len(site.sentinels()) == 3
    site.assert_quiet()


@pytest.mark.parametrize(
    "on, off",
    [
        (
            ("property", "set", "maintenance-mode=true"),
            ("property", "set", "maintenance-mode="),
        ),
        (("resource", "unmanage", KEYSTONE), ("resource", "manage", KEYSTONE)),
        (("node", "maintenance", "--all"), ("node", "unmaintenance", "--all")),
    ],
    ids=["maintenance-mode", "unmanaged", "node"],
)
def test_what_pacemaker_does_not_manage_is_not_reported(
    make: Make, on: tuple[str, ...], off: tuple[str, ...]
) -> None:
    """The administrator who ended it runs it again, and nothing has happened when that is over."""
    site = make()
    node = site.where()
    site.pcs(*on)
    site.cluster.wait_idle()
    site.crash()
    wait_until(
        lambda: "; Pacemaker is not told: it does not" in said(site, node), 30, "the log has it"
    )
    wait_until(lambda: site.sentinels() == [], 10, "the sentinel has ended")
    environment = {
        "OCF_ROOT": "/usr/lib/ocf",
        "OCF_RESOURCE_INSTANCE": KEYSTONE,
        "OCF_RESKEY_CRM_meta_timeout": "60000",
    }
    agent = "/usr/lib/ocf/resource.d/openstack/keystone"
    node.run(agent, "start", env=environment)
    leader = site.leader(node)
    site.pcs(*off)
    site.cluster.wait_idle(RECOVERY_SECONDS)
    assert site.leader(node) == leader
    assert site.cluster.failures() == []
    site.assert_quiet()


def test_an_operator_s_orders_are_not_reported(make: Make) -> None:
    site = make()
    first = site.where()
    site.pcs("resource", "restart", KEYSTONE)
    site.pcs("node", "standby", first.name)
    wait_until(lambda: first.name not in site.cluster.where(KEYSTONE), 60, "it left")
    site.cluster.wait_running(KEYSTONE)
    site.pcs("node", "unstandby", first.name)
    site.pcs("resource", "disable", KEYSTONE)
    wait_until(lambda: site.pids() == [], 60, "it is stopped")
    site.cluster.wait_idle()
    assert site.cluster.failures() == []
    assert site.sentinels() == []
    assert not any("was ended" in said(site, node) for node in site.bed.nodes)


def test_the_parameter_takes_effect_without_a_restart(make: Make) -> None:
    site = make()
    site.detect_crashes(False)
    pids = site.pids()
    site.detect_crashes(True)
    assert site.pids() == pids
    node = site.where()
    failure = wait_recovered(site, node, site.crash())
    assert failure.task == REPORT
    site.assert_quiet()


def test_a_node_whose_sentinel_was_killed_polls(make: Make) -> None:
    site = make()
    (sentinel,) = site.sentinels()
    os.kill(sentinel, signal.SIGKILL)
    site.crash()
    site.pcs("resource", "update", KEYSTONE, "op", "monitor", "interval=2s", "timeout=20s")
    failure = site.wait_failure()
    assert (failure.task, failure.rc) == ("monitor", 7)
