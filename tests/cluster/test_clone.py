"""Active/active: an instance on each node, with a shared database and shared keys."""

from __future__ import annotations

import pytest

from tests.bed.waiting import wait_until

from .site import DAEMON, INTERVAL, KEYSTONE, LOGIN, RECOVERY_SECONDS, Site

pytestmark = [pytest.mark.root, pytest.mark.cluster]

CLONE = ("clone", "clone-max=3", "interleave=true")


def test_crash_of_one_instance_does_not_disturb_the_others(site: Site) -> None:
    operations = ("op", "monitor", f"interval={INTERVAL}s")
    given = (*LOGIN, "crash_detection=false", *operations, *CLONE)
    site.pcs("resource", "create", KEYSTONE, "ocf:openstack:keystone", *given)
    names = [node.name for node in site.bed.nodes]

    def running() -> bool:
        return sorted(site.cluster.where(KEYSTONE)) == names

    wait_until(running, RECOVERY_SECONDS, "three instances run")
    site.cluster.wait_idle(RECOVERY_SECONDS)
    assert site.cluster.faults() == []
    struck, *others = site.bed.nodes
    pids = [node.pids(DAEMON) for node in others]
    crashed = site.crash(struck)
    failure = site.wait_failure()
    wait_until(running, RECOVERY_SECONDS, "three instances run again")
    site.cluster.wait_idle(RECOVERY_SECONDS)
    assert (failure.node, failure.rc) == (struck.name, 7)
    assert failure.reason == f"no process of keystone/{KEYSTONE} is running"
    assert len(site.cluster.faults()) == 1
    assert site.leader(struck) != crashed
    assert [node.pids(DAEMON) for node in others] == pids
    # A token of one instance is valid on all of them: they share the keys.
    _, token = site.token(struck.address)
    for node in site.bed.nodes:
        assert site.accepts(node.address, token)
    site.assert_quiet()
