"""Swift for the stack: a storage node with one device, a proxy, and the background daemons."""

from __future__ import annotations

from tests.stack.real import Real
from tests.stack.stack import CREDENTIALS, Stack

# The servers look for swift.conf beside their rings, the background daemons only in /etc/swift
# (swift.common.daemon never calls set_swift_dir). Both must have the same words, or hashes differ.
SWIFT = """
[swift-hash]
swift_hash_path_suffix = changeme
swift_hash_path_prefix = changeme
[storage-policy:0]
name = Policy-0
default = yes
"""
STORAGE = """
[DEFAULT]
bind_ip = {listen}
bind_port = {port}
swift_dir = {home}/data
devices = {home}/data/devices
mount_check = false
workers = {workers}
log_address = /dev/null
recon_cache_path = {home}/data/cache
[pipeline:main]
pipeline = healthcheck recon {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:recon]
use = egg:swift#recon
"""
BACKGROUND = {
    "account": "[account-replicator]\n[account-auditor]\n[account-reaper]\n",
    "container": """
[container-replicator]
[container-updater]
[container-auditor]
[container-sharder]
internal_client_conf_path = {home}/internal-client.conf
[container-sync]
internal_client_conf_path = {home}/internal-client.conf
""",
    "object": """
[object-replicator]
[object-reconstructor]
[object-updater]
[object-auditor]
""",
}
PROXY = """
[DEFAULT]
bind_ip = {listen}
bind_port = 8080
swift_dir = {home}/data
workers = {workers}
log_address = /dev/null
[pipeline:main]
pipeline = catch_errors healthcheck proxy-logging cache authtoken keystoneauth proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:proxy-logging]
use = egg:swift#proxy_logging
[filter:cache]
use = egg:swift#memcache
memcache_servers = {memcached}
[filter:keystoneauth]
use = egg:swift#keystoneauth
operator_roles = admin, member
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
www_authenticate_uri = {identity}
delay_auth_decision = true
{credentials}
"""
# A proxy inside the daemon itself, for daemons that talk to all of Swift.
INTERNAL_PROXY = """
[DEFAULT]
swift_dir = {home}/data
log_address = /dev/null
{section}
[pipeline:main]
pipeline = catch_errors proxy-logging cache proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:proxy-logging]
use = egg:swift#proxy_logging
[filter:cache]
use = egg:swift#memcache
memcache_servers = {memcached}
"""
PORTS = {"account": 6202, "container": 6201, "object": 6200}
INTERNAL = {
    "internal-client": "",
    "object-expirer": "[object-expirer]\n",
    "container-reconciler": "[container-reconciler]\n",
}


# Rings of 16 partitions, one device and one replica on each host. One process makes them all,
# because loading Swift takes 1 s.
RINGS = """
import sys
from swift.common.ring import RingBuilder
hosts = sys.argv[2].split(",")
for given in sys.argv[3:]:
    kind, port = given.split(":")
    builder = RingBuilder(4, len(hosts), 0)
    for zone, host in enumerate(hosts, 1):
        device = {"region": 1, "zone": zone, "ip": host, "device": "d1", "weight": 1}
        builder.add_dev({**device, "port": int(port)})
    builder.rebalance()
    builder.get_ring().save(f"{sys.argv[1]}/{kind}.ring.gz")
"""


def prepare(stack: Stack) -> None:
    home = stack.home("swift")
    facts = {
        "home": home,
        "identity": stack.identity,
        "memcached": stack.memcached,
        "listen": stack.listen,
        "workers": stack.workers,
    }
    stack.endpoint("swift", "object-store", stack.url(8080) + "/v1/AUTH_$(project_id)s")
    stack.manage("swift", "mkdir", "-p", f"{home}/data/devices/d1", f"{home}/data/cache")
    rings = [",".join(stack.storage), *(f"{kind}:{port}" for kind, port in PORTS.items())]
    stack.manage("swift", "/usr/bin/python3", "-c", RINGS, f"{home}/data", *rings)
    stack.write("swift", "data/swift.conf", SWIFT)
    for kind, port in PORTS.items():
        text = (STORAGE + BACKGROUND[kind]).format(kind=kind, port=port, **facts)
        stack.write("swift", f"{kind}-server.conf", text)
    for name, section in INTERNAL.items():
        stack.write("swift", f"{name}.conf", INTERNAL_PROXY.format(section=section, **facts))
    proxy = PROXY.format(credentials=stack.credentials("swift"), **facts)
    stack.write("swift", "proxy-server.conf", proxy)


def _server(kind: str, port: int, **credentials: str) -> Real:
    return Real(
        agent=f"swift-{kind}",
        user="swift",
        processes=3,
        parameters={"config": f"{{folder}}/swift/{kind}-server.conf", **credentials},
        needs=prepare,
        port=port,
    )


def _background(name: str, config: str, is_forking: bool = False) -> Real:
    return Real(
        agent=f"swift-{name}",
        user="swift",
        processes=1,
        parameters={"config": f"{{folder}}/swift/{config}.conf"},
        needs=prepare,
        levels=(0, None),
        is_forking=is_forking,
    )


DAEMONS = [
    # its monitor sends a token, with a request that the proxy passes on
    _server("proxy", 8080, **CREDENTIALS),
    *(_server(kind, port) for kind, port in PORTS.items()),
    *(_background(f"account-{n}", "account-server") for n in ("auditor", "reaper", "replicator")),
    *(
        _background(f"container-{n}", "container-server")
        for n in ("auditor", "replicator", "sharder", "sync", "updater")
    ),
    *(
        _background(f"object-{n}", "object-server")
        for n in ("reconstructor", "replicator", "updater")
    ),
    # forks a child for each pass over the device, every half minute
    _background("object-auditor", "object-server", is_forking=True),
    _background("container-reconciler", "container-reconciler"),
    _background("object-expirer", "object-expirer"),
]
