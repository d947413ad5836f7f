"""Nova for the stack: two cells, and a fake compute driver."""

from __future__ import annotations

from pathlib import Path

from tests.stack import placement
from tests.stack.real import Real
from tests.stack.stack import CREDENTIALS, FEW, Stack

CONFIGURATION = """
[DEFAULT]
my_ip = {listen}
host = {name}
transport_url = {transport}
state_path = {home}/data
[api_database]
connection = {api}
[database]
connection = {database}
[api]
auth_strategy = keystone
[conductor]
workers = {workers}
[scheduler]
workers = {workers}
discover_hosts_in_cells_interval = 30
[vnc]
novncproxy_host = {listen}
[spice]
html5proxy_host = {listen}
[serial_console]
serialproxy_host = {listen}
[oslo_concurrency]
lock_path = {home}/lock
[glance]
api_servers = {images}
[placement]
{placement}
[neutron]
{neutron}
[cinder]
{cinder}
"""


def prepare(stack: Stack) -> None:
    text = CONFIGURATION.format(
        transport=stack.transport_url,
        database=stack.database("nova"),
        api=stack.database("nova_api"),
        home=stack.home("nova"),
        listen=stack.listen,
        name=stack.name,
        workers=stack.workers,
        images=stack.url(9292),
        placement=stack.credentials("placement"),
        neutron=stack.credentials("neutron"),
        cinder=stack.credentials("cinder"),
    )
    config = stack.write("nova", "nova.conf", text + stack.authtoken("nova"))
    # the WSGI scripts need it beside nova.conf, and only user nova may read the packaged file
    stack.write("nova", "api-paste.ini", Path("/etc/nova/api-paste.ini").read_text())
    driver = "[DEFAULT]\ncompute_driver = fake.FakeDriver\n"
    stack.write("nova", "nova-compute.conf", driver)
    where = f"env = OS_NOVA_CONFIG_DIR={config.parent}"
    stack.uwsgi("nova", "nova-api", 8774, "/usr/bin/nova-api-wsgi", where)
    stack.uwsgi("nova", "nova-api-metadata", 8775, "/usr/bin/nova-metadata-wsgi", where)
    stack.endpoint("nova", "compute", stack.url(8774) + "/v2.1")
    # without Placement in the catalog, or without its answer, conductor and scheduler end with an
    # error
    placement.register(stack)
    manage = ["nova-manage", f"--config-file={config}"]
    cell0 = f"--database_connection={stack.database('nova_cell0')}"
    stack.manage_all(
        "nova",
        "nova.cmd.manage",
        [*manage, "api_db", "sync"],
        [*manage, "cell_v2", "map_cell0", cell0],
        [*manage, "cell_v2", "create_cell", "--name=cell1"],
        [*manage, "db", "sync"],
    )


def _daemon(name: str, processes: int, beside: tuple[str, ...] = (), **more: str) -> Real:
    return Real(
        agent=f"nova-{name}",
        user="nova",
        processes=processes,
        parameters={"config": "{folder}/nova/nova.conf", **more},
        needs=prepare,
        amqp=True,
        sql=True,
        beside=beside,
    )


def _api(
    name: str, port: int, config: str, processes: int = 2, variant: str = "", **more: str
) -> Real:
    return Real(
        agent=name,
        variant=variant,
        user="nova",
        processes=processes,
        parameters={"config": f"{{folder}}/nova/{config}", **more},
        needs=prepare,
        sql=True,
        port=port,
    )


def _proxy(name: str, port: int) -> Real:
    return Real(
        agent=f"nova-{name}",
        user="nova",
        processes=1,
        parameters={"config": "{folder}/nova/nova.conf"},
        needs=prepare,
        port=port,
        is_forking=True,
    )


DAEMONS = [
    _daemon("conductor", 3, beside=("placement-api",)),
    _daemon("scheduler", 3, beside=("placement-api",)),
    _api("nova-api", 8774, "nova-api.ini", **CREDENTIALS),
    _api("nova-api-metadata", 8775, "nova-api-metadata.ini"),
    _daemon(
        "compute",
        1,
        beside=("nova-conductor",),
        driver_config="{folder}/nova/nova-compute.conf",
    ),
    _proxy("novncproxy", 6080),
    _proxy("serialproxy", 6083),
    _proxy("spicehtml5proxy", 6082),
    # the packaged uwsgi file with our own nova.conf, which an environment variable names
    _api(
        "nova-api",
        8774,
        "nova.conf",
        variant="packaged",
        additional_parameters=FEW.format(name="nova-api"),
        **CREDENTIALS,
    ),
    # without uwsgi, with two workers of each API
    _api("nova-api", 8774, "nova.conf", 5, variant="program", binary="nova-api", **CREDENTIALS),
]
