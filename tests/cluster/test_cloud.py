"""The cluster of `make cluster` with fewer services: what its users get at the address."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bed.waiting import wait_until
from tests.cloud.architecture import BALANCER, choose
from tests.cloud.cloud import Cloud, built, silent
from tests.cloud.commands import ADDRESS
from tests.cloud.failover import play
from tests.cloud.faults import NodeKilled
from tests.cloud.target import aim, daemon
from tests.stack.identity import LOGIN

pytestmark = [pytest.mark.root, pytest.mark.cluster]

# The services whose databases are made fastest.
SERVICES = ("keystone", "glance-api")
INTERVAL = 5
# Enough for a node that boots and starts its services while other tests keep the cores busy.
SECONDS = 240.0


@pytest.fixture(scope="module")
def cloud(stage: Path) -> Iterator[Cloud]:
    with built(stage, choose(SERVICES), INTERVAL) as cloud:
        yield cloud


def ask(cloud: Cloud, url: str, *more: str) -> tuple[int, str]:
    """Request a URL as a client; return the status, and the headers with the answer."""
    words = ("--silent", "--include", "--max-time", "30", "--write-out", "%{stderr}%{http_code}")
    done = cloud.bed.client("curl", *words, *more, url, check=False)
    return int(done.stderr or 0), done.stdout


def log_in(cloud: Cloud) -> str:
    """Log in as a client; return the token."""
    body = json.dumps(LOGIN)
    more = ("--header", "Content-Type: application/json", "--data", body)
    status, said = ask(cloud, f"{cloud.identity}/v3/auth/tokens", *more)
    assert status == 201, said
    (token,) = (
        line.split()[1] for line in said.splitlines() if line.lower().startswith("x-subject-token:")
    )
    return token


def served(cloud: Cloud, agent: str) -> dict[str, int]:
    """How many requests the balancer with the address has sent to each node."""
    (node,) = cloud.cluster.where(ADDRESS)
    words = ("curl", "--silent", "http://127.0.0.1:8404/stats;csv")
    header, *rows = cloud.bed.node(node).run(*words).stdout.splitlines()
    names = header.lstrip("# ").split(",")
    found = (dict(zip(names, row.split(","))) for row in rows)
    return {
        each["svname"]: int(each["stot"])
        for each in found
        if each["pxname"] == agent and each["svname"].startswith("node-")
    }


def test_every_node_serves_behind_one_address(cloud: Cloud) -> None:
    before = served(cloud, "glance-api")
    for _ in range(6):
        # a token of one node is valid on all
        token = log_in(cloud)
        status, said = ask(
            cloud, f"{cloud.url('glance-api')}/v2/images", "--header", f"X-Auth-Token: {token}"
        )
        assert status == 200, said
    after = served(cloud, "glance-api")
    assert {node for node in after if after[node] > before[node]} == {"node-1", "node-2", "node-3"}
    # the daemon listens on its node's address only: on the virtual one it would block the balancer
    for node in cloud.bed.nodes:
        said = node.run("ss", "--listening", "--tcp", "--numeric", "--no-header").stdout
        found = {line.split()[3] for line in said.splitlines() if line.split()[3].endswith(":9292")}
        assert found == {f"{node.address}:9292", f"{cloud.address}:9292"}


def test_pacemaker_finds_nothing_to_warn_of(cloud: Cloud) -> None:
    done = cloud.cluster.run("crm_verify", "--live-check", "--verbose")
    assert done.stderr == ""
    assert cloud.cluster.faults() == []
    assert all(len(cloud.nodes(agent)) == 3 for agent in SERVICES)


def test_a_daemon_that_dies_costs_no_request(cloud: Cloud) -> None:
    """The balancer sends requests to the other nodes until Pacemaker has restarted the daemon."""
    node = cloud.bed.node(2)
    for pid in node.pids("/keystone.ini"):
        os.kill(pid, signal.SIGKILL)
    for _ in range(6):
        log_in(cloud)
    wait_until(lambda: node.pids("/keystone.ini"), SECONDS, "it is started again")
    cloud.wait_healthy(seconds=SECONDS)
    assert cloud.bed.fencings() == []


def test_the_address_goes_where_a_balancer_runs_and_nowhere_else(cloud: Cloud) -> None:
    cluster = cloud.cluster
    (holder,) = cluster.where(ADDRESS)
    left = [node.name for node in cloud.bed.nodes if node.name != holder]
    # the node to which the address would move: it avoids the coordinator
    barred = next(name for name in left if name != cluster.dc())
    left.remove(barred)
    cluster.pcs("resource", "ban", BALANCER.top, barred)
    try:
        wait_until(lambda: barred not in cluster.where(BALANCER.resource), SECONDS, "it has none")
        cluster.wait_idle(SECONDS)
        cluster.pcs("node", "standby", holder)
        wait_until(lambda: set(cluster.where(ADDRESS)) - {holder}, SECONDS, "it has moved")
        assert cluster.where(ADDRESS) == left
        log_in(cloud)
    finally:
        cluster.pcs("node", "unstandby", holder)
        cluster.pcs("resource", "clear", BALANCER.top)
    cloud.wait_healthy(seconds=SECONDS)


def test_a_node_that_dies_leaves_its_users_to_those_that_run_already(cloud: Cloud) -> None:
    """All requests are answered again at the same address; other nodes' daemons keep running."""
    target = aim(cloud.bed)
    fault = NodeKilled(target)
    dead = fault.place()
    others = [node for node in cloud.bed.nodes if node.name != dead.name]

    def pids() -> list[int]:
        found = [daemon(node, question) for node in others for question in target.questions]
        return [process.pid for each in found for process in each]

    before, fenced = pids(), len(cloud.bed.fencings())
    seen = play(target, fault, silent)
    assert [sight.request for sight in seen] == ["token", "image list"]
    for sight in seen:
        assert sight.by and set(sight.by) <= {node.name for node in others}
    assert pids() == before
    assert [each["node"] for each in cloud.bed.fencings()[fenced:]] == [dead.name]
    cloud.wait_healthy(seconds=SECONDS)
