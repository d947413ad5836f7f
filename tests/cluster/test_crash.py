"""A reported crash is recovered at once, whatever the interval of monitor. A crash is not reported
if that would do harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bed.bed import Bed
from tests.bed.cluster import Failure
from tests.bed.node import Node
from tests.bed.waiting import wait_until

from .site import DAEMON, KEYSTONE, LOGIN, RECOVERY_SECONDS, Site

pytestmark = [pytest.mark.root, pytest.mark.cluster]

# No monitor runs during a test.
INTERVAL = "interval=600s"
REPORT = "asyncmon"
OPERATION = ("op", "monitor", INTERVAL, "timeout=20s")


@pytest.fixture
def rare(bed: Bed) -> Site:
    """A running Keystone without failures, monitored so rarely that no monitor finds anything.

    It is created again only if the previous test left it in another state.
    """
    site = Site(bed)
    if site.cluster.where(KEYSTONE) and site.configured() == Site.made:
        site.pcs("resource", "cleanup")
    else:
        site.clear()
        create(site)
        Site.made = site.configured()
    site.cluster.wait_running(KEYSTONE)
    return begin(site)


def create(site: Site, *more: str, count: int = 1) -> None:
    words = (KEYSTONE, "ocf:openstack:keystone", *LOGIN, *OPERATION, *more)
    site.pcs("resource", "create", *words)
    wait_until(lambda: len(site.cluster.where(KEYSTONE)) == count, RECOVERY_SECONDS, "it runs")


def begin(site: Site) -> Site:
    site.cluster.wait_idle(RECOVERY_SECONDS)
    assert site.cluster.faults() == []
    site.fenced = len(site.bed.fencings())
    site.logged = {node.name: log_of(node).stat().st_size for node in site.bed.nodes}
    return site


def wait_recovered(site: Site, node: Node, crashed: int) -> Failure:
    wait_until(lambda: node.pids(DAEMON), RECOVERY_SECONDS, "it is started again")
    site.cluster.wait_idle(RECOVERY_SECONDS)
    assert site.leader(node) != crashed
    (failure,) = site.cluster.faults(KEYSTONE)
    return failure


def log_of(node: Node) -> Path:
    return node.folder / "var/log/pacemaker/pacemaker.log"


def said(site: Site, node: Node) -> str:
    """What the node has logged since the test began."""
    return log_of(node).read_bytes()[site.logged[node.name] :].decode(errors="replace")


def test_it_is_recovered_in_place_without_a_monitor(rare: Site) -> None:
    site = rare
    node = site.where()
    crashed = site.crash()
    failure = wait_recovered(site, node, crashed)
    assert (failure.node, failure.task, failure.rc) == (node.name, REPORT, 1)
    assert "was ended by signal 9 (SIGKILL); Pacemaker is told" in said(site, node)
    assert len(site.sentinels()) == 1
    site.assert_quiet()


@pytest.mark.parametrize(
    "on, off",
    [
        (
            ("property", "set", "maintenance-mode=true"),
            ("property", "set", "maintenance-mode="),
        ),
        (("resource", "unmanage", KEYSTONE), ("resource", "manage", KEYSTONE)),
    ],
    ids=["maintenance-mode", "unmanaged"],
)
def test_what_pacemaker_does_not_manage_is_not_reported(
    rare: Site, on: tuple[str, ...], off: tuple[str, ...]
) -> None:
    """The administrator starts the daemon again; Pacemaker then finds nothing to recover."""
    site = rare
    node = site.where()
    site.pcs(*on)
    site.cluster.wait_idle()
    site.crash()
    wait_until(
        lambda: "; Pacemaker is not told: it does not" in said(site, node), 30, "the log has it"
    )
    wait_until(lambda: site.sentinels() == [], 10, "the sentinel has ended")
    # called as Pacemaker would, so that the next test finds the usual state
    environment = {
        "OCF_ROOT": "/usr/lib/ocf",
        "OCF_RESOURCE_INSTANCE": KEYSTONE,
        "OCF_RESKEY_CRM_meta_timeout": "60000",
        "OCF_RESKEY_CRM_meta_on_node": node.name,
        "HA_LOGFILE": "/var/log/pacemaker/pacemaker.log",
    }
    agent = "/usr/lib/ocf/resource.d/openstack/keystone"
    node.run(agent, "start", env=environment)
    leader = site.leader(node)
    site.pcs(*off)
    site.cluster.wait_idle(RECOVERY_SECONDS)
    assert site.leader(node) == leader
    assert site.cluster.faults() == []
    site.assert_quiet()


def test_the_parameter_takes_effect_without_a_restart(rare: Site) -> None:
    site = rare
    site.detect_crashes(False)
    pids = site.pids()
    site.detect_crashes(True)
    assert site.pids() == pids
    node = site.where()
    failure = wait_recovered(site, node, site.crash())
    assert failure.task == REPORT
    site.assert_quiet()


def test_a_parameter_that_needs_no_restart_has_none_and_another_has_one(rare: Site) -> None:
    site = rare
    site.assure_start_on_record()
    pids = site.pids()
    site.pcs("resource", "update", KEYSTONE, "api_timeout=9")
    site.cluster.wait_idle()
    assert site.pids() == pids
    site.pcs("resource", "update", KEYSTONE, "log_file=/var/log/keystone/other.log")
    wait_until(
        lambda: site.pids() and not set(pids) & set(site.pids()), RECOVERY_SECONDS, "it restarts"
    )
    site.cluster.wait_running(KEYSTONE)
    site.cluster.wait_idle(RECOVERY_SECONDS)
    assert site.cluster.faults() == []
    site.assert_quiet()


def test_an_operator_s_orders_are_not_reported(rare: Site) -> None:
    site = rare
    first = site.where()
    site.pcs("resource", "restart", KEYSTONE)
    site.pcs("node", "standby", first.name)
    wait_until(lambda: first.name not in site.cluster.where(KEYSTONE), 60, "it left")
    site.cluster.wait_running(KEYSTONE)
    site.pcs("node", "unstandby", first.name)
    site.pcs("resource", "disable", KEYSTONE)
    wait_until(lambda: site.pids() == [], 60, "it is stopped")
    site.cluster.wait_idle()
    assert site.cluster.faults() == []
    assert site.sentinels() == []
    assert not any("was ended" in said(site, node) for node in site.bed.nodes)


def test_an_instance_of_a_clone_alone_is_recovered(site: Site) -> None:
    create(site, "clone", "clone-max=3", "interleave=true", count=3)
    begin(site)
    struck, *others = site.bed.nodes
    pids = [node.pids(DAEMON) for node in others]
    failure = wait_recovered(site, struck, site.crash(struck))
    assert (failure.node, failure.task) == (struck.name, REPORT)
    assert [node.pids(DAEMON) for node in others] == pids
    assert len(site.sentinels()) == 3
    site.assert_quiet()
