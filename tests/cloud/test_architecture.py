"""The table of services is consistent, and so are the commands and configurations made from it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from lxml import etree

from tests.calling import ROOT

from . import balancer, commands
from .architecture import ALL, FEWER, NEEDS, Service, choose
from .memory import of_namespace

ADDRESS = "192.168.42.103"
IDENTITY = f"http://{ADDRESS}:5000"
NODES = {"node-1": "192.168.42.1", "node-2": "192.168.42.2"}
SERVICES = {service.agent: service for service in ALL}


def words_of(line: str) -> list[str]:
    return shlex.split(line)[len(commands.PCS) :]


@pytest.mark.parametrize("service", ALL, ids=lambda service: service.agent)
def test_a_resource_is_made_of_what_its_agent_declares(service: Service) -> None:
    """pcs refuses an undeclared parameter too, but only three minutes later."""
    words = words_of(commands.create(service, IDENTITY, 30))
    assert words[:4] == [
        "resource",
        "create",
        f"p_{service.agent}",
        f"ocf:openstack:{service.agent}",
    ]
    given = dict(word.split("=", 1) for word in words[4 : words.index("op")])
    told = subprocess.run(
        [ROOT / "agents" / service.agent, "meta-data"], capture_output=True, check=True
    )
    declared = {each.get("name") for each in etree.fromstring(told.stdout).iter("parameter")}
    assert set(given) <= declared
    assert given.get("os_auth_url", f"{IDENTITY}/v3") == f"{IDENTITY}/v3"
    assert not [value for value in given.values() if "{" in value]
    assert ("clone" in words) == service.is_clone


def test_every_service_of_the_paper_is_there() -> None:
    paper = """keystone glance-api nova-api nova-scheduler nova-conductor nova-novncproxy
        nova-compute cinder-api cinder-scheduler cinder-volume
        neutron-server neutron-agent-dhcp neutron-agent-l3
        neutron-metadata-agent swift-proxy swift-account swift-container swift-object heat-engine
        horizon placement-api"""
    assert set(paper.split()) <= set(SERVICES)


def test_what_owns_something_runs_once() -> None:
    once = {agent for agent, service in SERVICES.items() if not service.is_clone}
    assert once == {"cinder-volume", "neutron-agent-l3"}


def test_every_resource_is_in_the_order_once_after_the_address() -> None:
    line, plugging = commands.order(ALL, *commands.FIRST)
    words = words_of(line)
    assert words[-2:] == ["setoptions", "kind=Optional"]
    sets = " ".join(words[2:-2]).replace(" sequential=false", "").split("set ")[1:]
    stages = [each.split() for each in sets]
    assert stages[:3] == [["p_haproxy-clone"], ["p_ip"], ["p_keystone-clone"]]
    named = [name for stage in stages[2:] for name in stage]
    assert sorted(named) == sorted(service.top for service in ALL)
    assert words_of(plugging)[2:7:2] == ["set", "set", "set"]
    assert words_of(plugging)[3:8:2] == [
        "p_ovsdb-server-clone",
        "p_ovs-vswitchd-clone",
        "p_neutron-openvswitch-agent-clone",
    ]
    for agent, needs in NEEDS.items():
        for need in needs:
            assert SERVICES[need].stage <= SERVICES[agent].stage, (agent, need)


def test_a_neighbour_is_where_it_must_be() -> None:
    assert [words_of(line)[2:] for line in commands.place(ALL)] == [
        ["add", "p_neutron-agent-l3", "with", "p_neutron-metadata-agent-clone"],
        ["add", "p_neutron-agent-l3", "with", "p_neutron-openvswitch-agent-clone"],
    ]


def test_fewer_services_are_chosen_with_what_they_need() -> None:
    assert [service.agent for service in choose(FEWER)] == list(FEWER)
    assert [service.agent for service in choose(["nova-compute"])] == [
        "keystone",
        "placement-api",
        "nova-conductor",
        "nova-compute",
    ]
    with pytest.raises(ValueError, match=r"no service 'glance'; choose from .*glance-api"):
        choose(["glance"])


def test_the_balancer_spreads_each_api_over_the_nodes(tmp_path: Path) -> None:
    text = balancer.configure(ALL, ADDRESS, NODES)
    ports = {
        int(port): agent
        for agent, port in re.findall(rf"listen (\S+)\n    bind {ADDRESS}:(\d+) ", text)
    }
    apis = {"keystone": 5000, "glance-api": 9292, "placement-api": 8778, "nova-api": 8774}
    apis.update({"cinder-api": 8776, "neutron-server": 9696, "swift-proxy": 8080, "heat-api": 8004})
    apis.update({"nova-api-metadata": 8775, "nova-novncproxy": 6080, "horizon": 80})
    assert ports == {port: agent for agent, port in apis.items()}
    for port in ports:
        for name, at in NODES.items():
            assert re.search(rf"^    server {name} {at}:{port}( maxconn \d+)?$", text, re.MULTILINE)
    # transfers of images do not make other requests wait
    assert not re.search(r":(9292|8080) maxconn", text)
    if shutil.which("haproxy", path="/usr/sbin:/usr/bin"):
        file = tmp_path / "haproxy.cfg"
        file.write_text(text)
        done = subprocess.run(
            ["/usr/sbin/haproxy", "-c", "-f", str(file)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.root
def test_memory_of_all_processes_of_a_namespace_is_counted() -> None:
    words = ["unshare", "--net", "sh", "-c", "sleep 60 & echo ready; cat; kill $!"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(words, **pipes) as child:
        try:
            assert child.stdout
            child.stdout.readline()
            here = of_namespace("net", child.pid)
        finally:
            assert child.stdin
            child.stdin.close()
    assert here.processes in (2, 3)  # cat may not have started yet
    assert 0 < here.pss <= here.rss
