"""Starts that cannot succeed: elsewhere, in time, and with nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.bed.node import ENVIRONMENT, Node
from tests.bed.waiting import wait_until

from .site import DAEMON, KEYSTONE, LOGIN, RECOVERY_SECONDS, Site
from .test_stop import hidden

pytestmark = [pytest.mark.root, pytest.mark.cluster]

SQUAT = "import socket; s = socket.create_server(('', 5000)); print('ready', flush=True); s.accept()"
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
START_SECONDS = 5


@contextmanager
def port_taken(node: Node) -> Iterator[subprocess.Popen[str]]:
    """Another program listens on Keystone's port of this node."""
    words = [*node.enter(), "/usr/bin/python3", "-c", SQUAT]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as squatter:
        assert squatter.stdout
        assert squatter.stdout.readline() == "ready\n"
        try:
            yield squatter
        finally:
            for pid in node.pids("socket.create_server"):
                os.kill(pid, signal.SIGKILL)


def test_failed_starts_go_to_another_node_and_say_why(served: Site) -> None:
    home, (taken, bare) = served.where().name, served.others()
    preferences = (f"{taken.name}=200", f"{bare.name}=100")
    with port_taken(taken) as squatter, hidden(bare, "program"):
        served.pcs("constraint", "location", "g_keystone", "prefers", *preferences)
        wait_until(
            lambda: len(served.cluster.failures(KEYSTONE)) == 2, RECOVERY_SECONDS, "two starts fail"
        )
        assert served.wait_healthy(home) == home
        said = {each.node: (each.task, each.rc, each.reason) for each in served.cluster.failures()}
        task, code, reason = said[taken.name]
        assert (task, code) == ("start", 1)
        assert "Address already in use" in reason
        assert said[bare.name] == (
            "start",
            5,
            "uwsgi is not installed: set parameter binary",
        )
        shown = served.cluster.run("crm_mon", "--one-shot").stdout
        assert "Address already in use" in shown
        assert "uwsgi is not installed" in shown
        assert taken.processes(DAEMON) + bare.processes(DAEMON) == []
        assert squatter.poll() is None
        served.assert_served()
        served.assert_quiet()


def test_start_that_takes_too_long_leaves_nothing_behind(site: Site) -> None:
    """On one node Pacemaker has to kill the agent; on the other the agent gives up in time."""
    site.shared("hanging.ini").write_text(HANGING)
    site.shared("hanging.wsgi").write_text("import time\nwhile True:\n    time.sleep(60)\n")
    site.pcs("node", "standby", "node-3")
    words = ("ocf:openstack:keystone", "config=/etc/keystone/hanging.ini", *LOGIN)
    site.pcs("resource", "create", KEYSTONE, *words, "op", "start", f"timeout={START_SECONDS}s")
    agent = wait_until(
        lambda: site.processes("hanging.ini") and site.processes(r"openstack/keystone start$"),
        30,
        "a start that waits for its daemon",
        pause=0.05,
    )
    os.kill(agent[-1].pid, signal.SIGSTOP)  # as by a host that is out of CPU, memory or disk
    wait_until(
        lambda: len(site.cluster.failures(KEYSTONE)) == 2, RECOVERY_SECONDS, "both starts fail"
    )
    site.cluster.wait_idle(RECOVERY_SECONDS)
    killed, gave_up = sorted(site.cluster.failures(KEYSTONE), key=lambda each: each.reason != "")
    assert (killed.task, killed.status) == ("start", "Timed Out")
    assert (gave_up.task, gave_up.rc, gave_up.status) == ("start", 1, "complete")
    assert "did not answer" in gave_up.reason
    assert site.cluster.where(KEYSTONE) == []
    assert site.processes("hanging.ini") == []
    assert [path.name for node in site.bed.nodes for path in site.state(node).glob("*.record")] == []
    site.assert_quiet()
