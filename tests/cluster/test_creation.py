"""The first commands that an operator types."""

from __future__ import annotations

import pytest

from tests.bed.play import GROUP, IPADDR2
from tests.bed.play import KEYSTONE as PAPER
from tests.bed.waiting import wait_until

from .site import DAEMON, KEYSTONE, LOGIN, RECOVERY_SECONDS, Site

pytestmark = [pytest.mark.root, pytest.mark.cluster]


def test_line_of_the_paper(site: Site) -> None:
    assert "/v2.0/" in PAPER
    for line in (
        "pcs property set maintenance-mode=true",  # until the group is complete
        IPADDR2,
        PAPER,
        GROUP,
        "pcs property set maintenance-mode=false",
    ):
        site.cluster.run("sh", "-c", line, timeout=120)
    where = site.wait_healthy()
    assert site.cluster.wait_running("p_ip") == where
    assert [each.interval for each in site.monitors()] == [30_000]
    assert [site.cluster.probe(KEYSTONE, node.name) for node in site.others()] == [7, 7]
    assert site.cluster.faults() == []
    assert {process.user for process in site.processes()} == {"keystone"}
    kept = site.kept_token(site.bed.node(where)).read_text()
    assert "\n3\n" in kept, "logged in with v3"
    site.assert_served()
    site.assert_quiet()


def test_pcs_takes_its_monitors_from_the_meta_data_and_validates(site: Site) -> None:
    create = ("resource", "create", KEYSTONE, "ocf:openstack:keystone", *LOGIN)
    refused = site.pcs(*create, "api_timeout=soon", "--agent-validation", check=False)
    assert refused.returncode == 1
    assert "api_timeout" in refused.stderr
    assert KEYSTONE not in site.configured()

    site.pcs(*create, "--agent-validation")
    operations = {
        (op.get("name"), op.get("interval"), op.get("timeout")): [
            (pair.get("name"), pair.get("value")) for pair in op.iter("nvpair")
        ]
        for op in site.cluster.cib("resources").iterfind(f".//primitive[@id='{KEYSTONE}']//op")
    }
    assert operations == {
        ("start", "0s", "400s"): [],
        ("stop", "0s", "200s"): [],
        ("reload", "0s", "400s"): [],  # pcs takes it for an operation; Pacemaker never calls it
        ("reload-agent", "0s", "60s"): [],
        ("monitor", "10s", "60s"): [],  # pcs writes no level 0, and the agent's default is 10
        ("monitor", "20s", "60s"): [("OCF_CHECK_LEVEL", "10")],
        ("monitor", "300s", "120s"): [("OCF_CHECK_LEVEL", "20")],
    }
    wait_until(
        lambda: {each.interval: each.rc for each in site.monitors()}
        == {10_000: 0, 20_000: 0, 300_000: 0},
        RECOVERY_SECONDS,
        "each of the three monitors has run well",
    )
    assert site.cluster.faults() == []
    assert len({process.parent for process in site.processes(DAEMON)}) == 2
    site.assert_quiet()
