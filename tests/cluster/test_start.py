"""Starts that fail on some nodes: the service starts elsewhere, and the operator learns why."""

from __future__ import annotations

import pytest

from tests.bed.waiting import wait_until

from .broken import hidden, port_taken
from .site import DAEMON, KEYSTONE, RECOVERY_SECONDS, Site

pytestmark = [pytest.mark.root, pytest.mark.cluster]


def test_failed_starts_go_to_another_node_and_say_why(served: Site) -> None:
    home, (taken, bare) = served.where().name, served.others()
    with port_taken(taken) as squatter, hidden(bare, "user"):
        for node, score in ((taken, 200), (bare, 100)):
            rule = (f"prefer-{node}", "g_keystone", node.name, str(score))
            served.pcs("constraint", "location", "add", *rule)
        wait_until(lambda: len(served.cluster.faults()) == 2, RECOVERY_SECONDS, "both starts fail")
        assert served.wait_healthy(home) == home
        failed = {each.node: each for each in served.cluster.faults(KEYSTONE)}
        assert [failed[node.name].task for node in (taken, bare)] == ["start", "start"]
        assert failed[taken.name].rc == 1
        assert "Address already in use" in failed[taken.name].reason
        assert failed[bare.name].rc == 5
        assert failed[bare.name].reason.startswith("user keystone does not exist")
        shown = served.cluster.run("crm_mon", "--one-shot").stdout
        for failure in failed.values():
            assert failure.reason in shown
        assert taken.processes(DAEMON) + bare.processes(DAEMON) == []
        assert squatter.poll() is None
        served.assert_served()
        served.pcs("constraint", "delete", *(f"prefer-{node}" for node in (taken, bare)))
        served.assert_quiet()
