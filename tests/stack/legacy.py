"""Services of 2013 that no release has any more: the stand-in, with configurations of 2013."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.stack.identity import INTERFACES
from tests.stack.real import Real
from tests.stack.stack import CREDENTIALS, Stack

DAEMON = Path(__file__).with_name("legacy_daemon.py")
# Their endpoints are in a separate region, where the real services never look.
REGION = "Legacy"
ENDPOINTS = {"image": 9191, "network": 9797}
PROGRAMS = (
    "keystone-all",
    "glance-registry",
    "nova-cert",
    "nova-consoleauth",
    "nova-network",
    "nova-objectstore",
    "nova-volume",
    "quantum-server",
    "quantum-dhcp-agent",
    "quantum-l3-agent",
    "quantum-metadata-agent",
    "cinder-scheduler",
    "nova-novncproxy",
)
FILES = {
    "keystone.conf": """
[DEFAULT]
bind_host = 127.0.0.1
public_port = 5010
admin_port = 35357
admin_token = ADMIN
[sql]
connection = {sql}
[catalog]
driver = keystone.catalog.backends.sql.Catalog
""",
    "glance-registry.conf": """
[DEFAULT]
bind_host = 127.0.0.1
bind_port = 9191
workers = 2
sql_connection = {sql}
[paste_deploy]
flavor = keystone
""",
    "nova.conf": """
[DEFAULT]
rabbit_host = 127.0.0.1
rabbit_port = 5672
rabbit_userid = guest
rabbit_password = guest
sql_connection = {sql}
s3_listen = 127.0.0.1
novncproxy_host = 127.0.0.1
novncproxy_port = 6090
""",
    # nova-consoleauth existed long enough to know today's option names
    "nova-stein.conf": """
[DEFAULT]
transport_url = rabbit://guest:guest@127.0.0.1:5672/
[database]
connection = {sql}
""",
    "cinder.conf": """
[DEFAULT]
rabbit_hosts = 127.0.0.1:5672
sql_connection = {sql}
""",
    "quantum.conf": """
[DEFAULT]
bind_host = 127.0.0.1
bind_port = 9797
core_plugin = quantum.plugins.openvswitch.ovs_quantum_plugin.OVSQuantumPluginV2
rabbit_hosts = 127.0.0.1:5672
rabbit_userid = guest
rabbit_password = guest
""",
    "ovs_quantum_plugin.ini": """
[DATABASE]
sql_connection = {sql}
""",
    "dhcp_agent.ini": "[DEFAULT]\ndhcp_driver = quantum.agent.linux.dhcp.Dnsmasq\n",
    "l3_agent.ini": "[DEFAULT]\nexternal_network_bridge = br-ex\n",
    "metadata_agent.ini": "[DEFAULT]\nnova_metadata_ip = 127.0.0.1\n",
}


def prepare(stack: Stack) -> None:
    """Install the programs in FOLDER/legacy/bin and their files in FOLDER/legacy."""
    folder = stack.folder / "legacy"
    install(folder / "bin", PROGRAMS)
    sql = stack.database("legacy").replace("mysql+pymysql:", "mysql:")
    for name, text in FILES.items():
        (folder / name).write_text(text.format(sql=sql))
    stack.catalog.put(f"/regions/{REGION}", {"region": {}})
    for kind, port in ENDPOINTS.items():
        name, url = f"legacy {kind}", f"http://127.0.0.1:{port}"
        service = stack.catalog.make("service", {"name": name, "type": kind}, name=name)
        for interface in INTERFACES:
            stack.catalog.make_endpoint(service, interface, url, REGION)


def install(folder: Path, programs: tuple[str, ...]) -> None:
    """Copy the stand-in under each of these names."""
    folder.mkdir(parents=True)
    for name in programs:
        shutil.copy(DAEMON, folder / name)
        (folder / name).chmod(0o755)


def _stand_in(
    agent: str,
    config: str,
    program: str = "",
    files: dict[str, str] | None = None,
    given: dict[str, str] | None = None,
    **shape: Any,
) -> Real:
    """A daemon that the stand-in replaces: by default one process, connected to both servers.

    config: a name in FILES. program: the daemon's name, if it is not the agent's. files: more
    parameters for the agent, whose values are names in FILES. given: more parameters, used as is.
    """
    project = agent.partition("-")[0]
    # Debian has no user quantum any more
    user = "neutron" if project == "quantum" else project
    named = {"config": config, **(files or {})}
    paths = {name: f"{{folder}}/legacy/{file}" for name, file in named.items()}
    binary = f"{{folder}}/legacy/bin/{program or agent}"
    return Real(
        agent=agent,
        user=user,
        parameters={"binary": binary, "user": user, **paths, **(given or {})},
        needs=prepare,
        **{"processes": 1, "amqp": True, "sql": True, **shape},
    )


KEYSTONE = _stand_in(
    "keystone",
    "keystone.conf",
    "keystone-all",
    given={**CREDENTIALS, "os_auth_url": "http://127.0.0.1:5010/v2.0/"},
    variant="keystone-all",
    amqp=False,
    port=5010,
)
REGISTRY = _stand_in(
    "glance-registry",
    "glance-registry.conf",
    given={**CREDENTIALS, "os_region_name": REGION},
    processes=3,
    amqp=False,
    port=9191,
)
QUANTUM = _stand_in(
    "quantum-server",
    "quantum.conf",
    files={"plugin_config": "ovs_quantum_plugin.ini"},
    given={**CREDENTIALS, "os_region_name": REGION},
    port=9797,
)
CERT = _stand_in("nova-cert", "nova.conf")
DHCP = _stand_in(
    "quantum-agent-dhcp",
    "quantum.conf",
    "quantum-dhcp-agent",
    {"plugin_config": "dhcp_agent.ini"},
    sql=False,
)
DAEMONS = [
    KEYSTONE,
    REGISTRY,
    CERT,
    _stand_in("nova-consoleauth", "nova-stein.conf"),
    _stand_in("nova-network", "nova.conf"),
    _stand_in("nova-objectstore", "nova.conf", amqp=False, sql=False, port=3333),
    _stand_in("nova-volume", "nova.conf"),
    QUANTUM,
    DHCP,
    _stand_in(
        "quantum-agent-l3",
        "quantum.conf",
        "quantum-l3-agent",
        {"plugin_config": "l3_agent.ini"},
        sql=False,
    ),
    _stand_in(
        "quantum-metadata-agent",
        "quantum.conf",
        files={"agent_config": "metadata_agent.ini"},
        sql=False,
    ),
]
# By the older name of an agent. Its daemon still exists, and test_life.py runs the real one.
ALIASES = {
    "cinder-schedule": _stand_in("cinder-scheduler", "cinder.conf"),
    "nova-novnc": _stand_in("nova-novncproxy", "nova.conf", amqp=False, sql=False, port=6090),
    "nova-vnc": _stand_in("nova-novncproxy", "nova.conf", amqp=False, sql=False, port=6090),
}
