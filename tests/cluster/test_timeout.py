"""A start that never ends: the stop that follows removes what the start left behind."""

from __future__ import annotations

import os
import signal

import pytest

from tests.bed.waiting import wait_until

from .site import KEYSTONE, LOGIN, RECOVERY_SECONDS, Site

pytestmark = [pytest.mark.root, pytest.mark.cluster]

# Binds its port at once and never answers: the application loads for ever.
HANGING = """\
[uwsgi]
http-socket = :5000
master = true
processes = 2
lazy-apps = true
plugins = python3
wsgi-file = /etc/keystone/hanging.wsgi
"""
NEVER = "import time\nwhile True:\n    time.sleep(60)\n"
START_SECONDS = 5


def test_start_that_takes_too_long_leaves_nothing_behind(site: Site) -> None:
    """On one node Pacemaker has to kill the agent; on the other the agent gives up in time."""
    site.shared("hanging.ini").write_text(HANGING)
    site.shared("hanging.wsgi").write_text(NEVER)
    site.pcs("node", "standby", "node-3")
    words = ("ocf:openstack:keystone", "config=/etc/keystone/hanging.ini", *LOGIN)
    site.pcs("resource", "create", KEYSTONE, *words, "op", "start", f"timeout={START_SECONDS}s")
    agents = wait_until(
        lambda: site.processes("hanging.ini") and site.processes("openstack/keystone start$"),
        30,
        "a start that waits for its daemon",
        pause=0.05,
    )
    for agent in agents:
        os.kill(agent.pid, signal.SIGSTOP)  # as on a host that is short of CPU, memory or disk
    wait_until(lambda: len(site.cluster.faults()) == 2, RECOVERY_SECONDS, "both starts fail")
    site.cluster.wait_idle(RECOVERY_SECONDS)
    failures = site.cluster.faults(KEYSTONE)
    killed, gave_up = sorted(failures, key=lambda each: each.status == "complete")
    assert (killed.task, killed.status) == ("start", "Timed Out")
    assert (gave_up.task, gave_up.rc, gave_up.status) == ("start", 1, "complete")
    assert "did not answer" in gave_up.reason
    assert site.cluster.where(KEYSTONE) == []
    assert site.processes("hanging.ini") == []
    for node in site.bed.nodes:
        assert not site.state(node, "record").exists()
        assert ":5000 " not in node.run("ss", "--listening", "--tcp", "--numeric").stdout
    site.assert_quiet()
