"""Neutron: the API as one daemon and as two, and the agents of a network node on Open vSwitch."""

from __future__ import annotations

from collections.abc import Callable

from tests.stack import servers
from tests.stack.real import Real
from tests.stack.stack import CREDENTIALS, Stack

# root_helper is empty because the agents run as root here. As neutron they would need sudo and
# rootwrap, whose filters allow only configuration files below /etc.
NEUTRON = """
[DEFAULT]
bind_host = {listen}
bind_port = 9696
host = {name}
transport_url = {transport}
state_path = {home}/data
core_plugin = ml2
service_plugins = router
api_paste_config = /etc/neutron/api-paste.ini
api_workers = 1
rpc_workers = 1
rpc_state_report_workers = 1
interface_driver = openvswitch
notify_nova_on_port_status_changes = false
notify_nova_on_port_data_changes = false
[agent]
report_interval = 10
root_helper =
[database]
connection = {database}
[oslo_concurrency]
lock_path = {home}/lock
[ovs]
ovsdb_connection = tcp:127.0.0.1:6640
[privsep]
helper_command = privsep-helper
"""
ML2 = """
[ml2]
type_drivers = flat,vlan,vxlan
tenant_network_types = vxlan
mechanism_drivers = openvswitch
[ml2_type_vxlan]
vni_ranges = 1:1000
"""
DHCP = """
[DEFAULT]
enable_isolated_metadata = false
"""
L3 = """
[DEFAULT]
agent_mode = legacy
host = {shared}
"""
METADATA = """
[DEFAULT]
nova_metadata_host = {metadata}
metadata_proxy_shared_secret = secret
metadata_workers = 1
"""
OPENVSWITCH = """
[ovs]
datapath_type = netdev
local_ip = {listen}
of_listen_address = 127.0.0.1
ovsdb_connection = tcp:127.0.0.1:6640
[agent]
tunnel_types = vxlan
[securitygroup]
firewall_driver = noop
"""
FILES = {
    "neutron.conf": NEUTRON,
    "ml2_conf.ini": ML2,
    "dhcp_agent.ini": DHCP,
    "l3_agent.ini": L3,
    "metadata_agent.ini": METADATA,
    "openvswitch_agent.ini": OPENVSWITCH,
}


# The address of ovsdb-server. Open vSwitch's two daemons run here without its kernel module.
OVSDB = "ptcp:6640:127.0.0.1"


def prepare(stack: Stack) -> None:
    home = stack.home("neutron")
    facts = {
        "home": home,
        "listen": stack.listen,
        "name": stack.name,
        "shared": stack.shared_name,
        "metadata": stack.address(8775),
        "transport": stack.transport_url,
        "database": stack.database("neutron"),
    }
    for name, text in FILES.items():
        more = stack.authtoken("neutron") if name == "neutron.conf" else ""
        stack.write("neutron", name, text.format(**facts) + more)
    stack.endpoint("neutron", "network", stack.url(9696))
    config = (f"--config-file={home}/neutron.conf", f"--config-file={home}/ml2_conf.ini")
    arguments = f"pyargv = {' '.join(config)}"
    stack.uwsgi("neutron", "neutron-api", 9696, "/usr/bin/neutron-api", arguments)
    stack.manage("neutron", "neutron-db-manage", *config, "upgrade", "head")


def prepare_switch(stack: Stack) -> None:
    """Prepare Neutron, and a switch for the Open vSwitch agent.

    The switch's ports are taps in the stack's namespace.
    """
    stack.need(prepare)
    home = stack.home("neutron")
    folder = home / "ovs"
    folder.mkdir()
    schema = "/usr/share/openvswitch/vswitch.ovsschema"
    stack.manage("root", "ovsdb-tool", "create", f"{folder}/conf.db", schema)
    where = {"OVS_RUNDIR": str(folder), "OVS_LOGDIR": str(stack.log), "OVS_DBDIR": str(folder)}
    process = stack.run(
        "ovsdb-server",
        "root",
        "ovsdb-server",
        f"{folder}/conf.db",
        f"--remote=punix:{folder}/db.sock",
        f"--remote={OVSDB}",
        env=where,
    )
    servers.wait_for(process, lambda: stack.is_open(6640), "ovsdb-server listens")
    address = f"unix:{folder}/db.sock"
    stack.manage("root", "ovs-vsctl", f"--db={address}", "--no-wait", "init")
    stack.run("ovs-vswitchd", "root", "ovs-vswitchd", address, "--disable-system", env=where)
    bridge = ["add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev"]
    # returns when ovs-vswitchd has made the bridge
    stack.manage("root", "ovs-vsctl", f"--db={address}", "--timeout=30", *bridge)


CONFIG = {"config": "{folder}/neutron/neutron.conf"}
SERVER = {**CONFIG, "plugin_config": "{folder}/neutron/ml2_conf.ini"}


def _agent(agent: str, script: str, ini: str, needs: Callable[[Stack], None] = prepare) -> Real:
    """An agent whose children (privsep-helper, ip, ovs-ofctl and the like) run only for a while."""
    return Real(
        agent=agent,
        user="root",
        processes=1,
        parameters={**CONFIG, "plugin_config": f"{{folder}}/neutron/{ini}", "user": "root"},
        needs=needs,
        amqp=True,
        levels=(0, None),
        script=script,
        beside=("neutron-rpc-server",),
        is_forking=True,
    )


DAEMONS = [
    Real(
        agent="neutron-api",
        user="neutron",
        processes=2,
        parameters={"config": "{folder}/neutron/neutron-api.ini", **CREDENTIALS},
        needs=prepare,
        sql=True,
        port=9696,
    ),
    Real(
        agent="neutron-server",
        user="neutron",
        processes=5,
        parameters={**SERVER, **CREDENTIALS},
        needs=prepare,
        amqp=True,
        sql=True,
        port=9696,
        script="neutron-api",
    ),
    Real(
        agent="neutron-rpc-server",
        user="neutron",
        processes=3,
        parameters=SERVER,
        needs=prepare,
        amqp=True,
        levels=(0, None),
    ),
    _agent("neutron-agent-dhcp", "neutron-dhcp-agent", "dhcp_agent.ini"),
    _agent("neutron-agent-l3", "neutron-l3-agent", "l3_agent.ini"),
    Real(
        agent="neutron-metadata-agent",
        user="neutron",
        processes=2,
        parameters={**CONFIG, "agent_config": "{folder}/neutron/metadata_agent.ini"},
        needs=prepare,
        amqp=True,
        levels=(0, None),
        beside=("neutron-rpc-server",),
    ),
    _agent(
        "neutron-openvswitch-agent",
        "neutron-openvswitch-agent",
        "openvswitch_agent.ini",
        prepare_switch,
    ),
]
