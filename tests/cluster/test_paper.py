"""The fourteen commands of the paper that started the project, section VII, on one node."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.bed.bed import Bed
from tests.bed.cluster import Cluster
from tests.bed.node import Process
from tests.bed.play import IPADDR2, KEYSTONE
from tests.bed.waiting import wait_until
from tests.stack import sockets

from .paper import ADDRESS, Inside, Installation

pytestmark = [pytest.mark.root, pytest.mark.cluster]

LOGIN = 'os_password="secret" os_username="admin" os_tenant_name="admin"'
IDENTITY = f'os_auth_url="http://{ADDRESS}:5000/v2.0/"'
TOKEN = f'keystone_get_token_url="http://{ADDRESS}:5000/v2.0/tokens/"'
MONITOR = 'op monitor interval="30s" timeout="30s"'


def create(name: str, agent: str, config: str, login: str = "") -> str:
    return f'pcs resource create {name} ocf:openstack:{agent} config="{config}" {login} {MONITOR}'


NOVA, CINDER = "/etc/nova/nova.conf", "/etc/cinder/cinder.conf"
OTHERS = {
    "p_glance-api": create(
        "p_glance-api", "glance-api", "/etc/glance/glance-api.conf", f"{LOGIN} {IDENTITY}"
    ),
    "p_glance-registry": create(
        "p_glance-registry",
        "glance-registry",
        "/etc/glance/glance-registry.conf",
        f"{LOGIN} {TOKEN}",
    ),
    "p_cinder-api": create("p_cinder-api", "cinder-api", CINDER, f"{LOGIN} {TOKEN}"),
    "p_cinder-volume": create("p_cinder-volume", "cinder-volume", CINDER),
    "p_cinder-schedule": create("p_cinder-schedule", "cinder-schedule", CINDER),
    "p_nova-api": create("p_nova-api", "nova-api", NOVA, f"{LOGIN} {TOKEN}"),
    "p_scheduler": create("p_scheduler", "nova-scheduler", NOVA),
    "p_cert": create("p_cert", "nova-cert", NOVA),
    "p_consoleauth": create("p_consoleauth", "nova-consoleauth", NOVA),
    "p_conductor": create("p_conductor", "nova-conductor", NOVA),
    "p_network": create("p_network", "nova-network", NOVA),
    "p_novnc": create("p_novnc", "nova-vnc", NOVA),
    "p_quantum-server": create(
        "p_quantum-server", "quantum-server", "/etc/quantum/quantum.conf", f"{LOGIN} {TOKEN}"
    ),
}
FOURTEEN = ["p_keystone", *OTHERS]
# The command line of each daemon: today's are in /usr/bin, the stand-ins in /usr/local/bin.
DAEMONS = {
    "p_keystone": "/usr/bin/uwsgi.*/etc/keystone/keystone-uwsgi.ini",
    "p_glance-api": "/usr/bin/glance-api --config-file=/etc/glance/glance-api.conf",
    "p_glance-registry": "/usr/local/bin/glance-registry",
    "p_cinder-api": "/usr/bin/uwsgi.*/etc/cinder/cinder-api-uwsgi.ini",
    "p_cinder-volume": "/usr/bin/cinder-volume --config-file=/etc/cinder/cinder.conf",
    "p_cinder-schedule": "/usr/bin/cinder-scheduler --config-file=/etc/cinder/cinder.conf",
    "p_nova-api": "/usr/bin/uwsgi.*/etc/nova/nova-api-uwsgi.ini",
    "p_scheduler": "/usr/bin/nova-scheduler --config-file=/etc/nova/nova.conf",
    "p_cert": "/usr/local/bin/nova-cert --config-file=/etc/nova/nova.conf",
    "p_consoleauth": "/usr/local/bin/nova-consoleauth",
    "p_conductor": "/usr/bin/nova-conductor --config-file=/etc/nova/nova.conf",
    "p_network": "/usr/local/bin/nova-network",
    "p_novnc": "/usr/bin/nova-novncproxy --config-file=/etc/nova/nova.conf",
    "p_quantum-server": "/usr/local/bin/quantum-server.*/ovs_quantum_plugin.ini",
}
AMQP, SQL = 5672, 3306
CONSUMERS = {
    "p_cinder-volume",
    "p_cinder-schedule",
    "p_scheduler",
    "p_cert",
    "p_consoleauth",
    "p_conductor",
    "p_network",
    "p_quantum-server",
}
USERS = {"keystone", "glance", "cinder", "nova", "neutron"}
SECONDS = 180.0


class Node:
    """The only node of the cluster, with all that the commands need."""

    def __init__(self, bed: Bed) -> None:
        self.cluster = Cluster(bed)
        self.node = bed.node(1)

    def type(self, line: str) -> None:
        self.cluster.run("sh", "-c", line, timeout=120)

    def daemon(self, resource: str) -> list[Process]:
        return self.node.processes(DAEMONS[resource])

    def services(self) -> list[Process]:
        """All processes that run as a service's user."""
        return [process for process in self.node.processes() if process.user in USERS]

    def roles(self) -> dict[str, tuple[str, str]]:
        """Role and failure of each resource."""
        found = self.cluster.crm_mon().iterfind("resources//resource")
        return {each.get("id"): (each.get("role"), each.get("failed")) for each in found}

    def monitors(self) -> dict[str, int | None]:
        """The last return code of each recurring monitor."""
        done = self.cluster.operations()
        return {each.resource: each.rc for each in done if each.interval == 30_000}

    def wait(self, *resources: str, role: str) -> None:
        def reached() -> bool:
            assert self.cluster.faults() == []
            roles = self.roles()
            return all(roles.get(name) == (role, "false") for name in resources)

        wait_until(reached, SECONDS, f"{role}: {resources}", 0.5)


@pytest.fixture
def node(stage: Path) -> Iterator[Node]:
    folder = Path(tempfile.mkdtemp(prefix="ocf-paper-", dir="/tmp"))
    folder.chmod(0o711)
    installation = Installation(folder)
    inside: Inside | None = None
    try:
        with ThreadPoolExecutor(1) as pool, Bed(1, [stage], installation.binds) as bed:
            installation.configure(bed)
            filled = pool.submit(installation.fill)
            bed.boot()
            inside = Inside(bed.node(1))
            inside.up()
            node = Node(bed)
            node.cluster.wait_online()
            filled.result()
            yield node
    finally:
        if inside is not None:
            inside.down()
        installation.remove()
        shutil.rmtree(folder)


def test_fourteen_commands_give_fourteen_started_resources(node: Node) -> None:
    cluster = node.cluster
    for line in (IPADDR2, KEYSTONE):
        node.type(line)
    node.wait("p_ip", "p_keystone", role="Started")
    for line in OTHERS.values():
        node.type(line)
    assert len(FOURTEEN) == 14
    node.wait(*FOURTEEN, role="Started")
    wait_until(lambda: set(FOURTEEN) <= set(node.monitors()), SECONDS, "all are monitored")
    cluster.wait_idle()
    assert node.roles() == dict.fromkeys(["fence", "p_ip", *FOURTEEN], ("Started", "false"))
    assert {name: node.monitors()[name] for name in FOURTEEN} == dict.fromkeys(FOURTEEN, 0)
    assert cluster.faults() == []
    said = cluster.pcs("status").stdout
    assert "Failed Resource Actions" not in said
    for name in FOURTEEN:
        assert node.daemon(name), name
        held = sum(sockets.held(process.pid, AMQP) for process in node.daemon(name))
        assert bool(held) == (name in CONSUMERS), (name, held)

    cluster.pcs("resource", "disable", *FOURTEEN)
    node.wait(*FOURTEEN, role="Stopped")
    assert node.services() == []
    assert cluster.faults() == []
    assert cluster.bed.fencings() == []
