"""A Keystone under Pacemaker: faults, and an operator's everyday commands."""

from __future__ import annotations

import os
import signal

import pytest

from tests.bed.keystone import PASSWORD
from tests.bed.waiting import wait_until

from .site import DAEMON, KEYSTONE, Site

pytestmark = [pytest.mark.root, pytest.mark.cluster]


def test_crash_that_nobody_reports_is_found_by_monitor_and_recovered_in_place(
    unreported: Site,
) -> None:
    served = unreported
    where = served.where().name
    crashed = served.crash()
    failure = served.wait_failure()
    assert served.wait_healthy() == where
    assert served.leader() != crashed
    assert [each.rc for each in served.cluster.faults()] == [7]
    assert failure.reason == "no process of keystone/p_keystone is running"
    served.assert_served()
    served.assert_quiet()


def test_frozen_daemon_is_restarted(served: Site) -> None:
    where, frozen = served.where().name, served.pids()
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    failure = served.wait_failure()
    assert (failure.node, failure.task, failure.rc) == (where, "monitor", 1)
    assert "frozen" in failure.reason
    assert served.wait_healthy() == where
    assert not set(frozen) & set(served.pids())
    assert served.cluster.faults(KEYSTONE) == [failure]
    served.assert_served()
    served.assert_quiet()


def test_dead_node_is_fenced_and_its_keystone_runs_elsewhere(served: Site) -> None:
    dead = served.where()
    dead.kill()
    wait_until(
        lambda: served.cluster.where(KEYSTONE) not in ([], [dead.name]), 60, "it runs elsewhere"
    )
    where = served.wait_healthy()
    assert where != dead.name
    served.assert_served()
    pids = served.pids()
    served.cluster.boot()
    assert served.wait_healthy() == where
    assert served.cluster.probe(KEYSTONE, dead.name) == 7
    assert served.pids() == pids
    served.assert_quiet(fenced=(dead.name,))


def test_move(served: Site) -> None:
    left, target = served.where(), served.others()[0]
    served.pcs("resource", "move", KEYSTONE, target.name)
    assert served.wait_healthy(target.name) == served.cluster.wait_running("p_ip")
    assert left.processes(DAEMON) == []
    assert served.cluster.faults() == []
    served.assert_served()
    served.assert_quiet()


def test_standby_and_back(served: Site) -> None:
    left = served.where()
    served.pcs("node", "standby", left.name)
    wait_until(lambda: left.name not in served.cluster.where(KEYSTONE), 60, f"it left {left}")
    where = served.wait_healthy()
    assert where != left.name
    assert left.processes(DAEMON) == []
    pids = served.pids()
    served.pcs("node", "unstandby", left.name)
    assert served.wait_healthy() == where
    assert served.pids() == pids
    assert served.cluster.faults() == []
    served.assert_served()
    served.assert_quiet()


def test_maintenance_leaves_a_living_daemon_alone_and_a_dead_one_dead(served: Site) -> None:
    where, pids = served.where(), served.pids()
    served.pcs("property", "set", "maintenance-mode=true")
    served.cluster.wait_idle()
    served.pcs("property", "set", "maintenance-mode=")
    assert served.wait_healthy() == where.name
    assert served.pids() == pids

    served.pcs("property", "set", "maintenance-mode=true")
    served.cluster.wait_idle()
    served.crash()
    # Nothing is monitored now. After a refresh Pacemaker knows of the death, and does nothing.
    served.pcs("resource", "refresh", KEYSTONE)
    served.wait_probes(where, code=7)
    served.cluster.wait_idle()
    assert served.pids() == []
    served.pcs("property", "set", "maintenance-mode=")
    assert served.wait_healthy() == where.name
    served.assert_served()
    served.assert_quiet()


def test_reprobe_of_a_running_keystone_restarts_nothing(served: Site) -> None:
    where, pids = served.where(), served.pids()
    served.pcs("resource", "refresh", KEYSTONE)
    served.wait_probes(where, code=0)
    served.wait_probes(*served.others(), code=7)
    assert served.wait_healthy() == where.name
    assert served.pids() == pids
    served.assert_quiet()


def test_wrong_password_degrades_and_the_right_one_mends_without_a_restart(served: Site) -> None:
    served.assure_start_on_record()
    pids = served.pids()
    served.pcs("resource", "update", KEYSTONE, "os_password=wrong")
    judged = served.wait_monitor(190)
    assert "os_password" in judged.reason
    served.cluster.wait_idle()
    assert served.pids() == pids
    assert {each.rc for each in served.cluster.failures()} == {190}  # shown, but nothing is done
    served.assert_served()

    served.pcs("resource", "update", KEYSTONE, f"os_password={PASSWORD}")
    served.wait_healthy()
    assert served.pids() == pids
    served.assert_quiet()
