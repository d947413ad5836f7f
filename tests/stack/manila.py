"""Manila for the stack, with the dummy driver of Manila's own tests."""

from __future__ import annotations

from tests.stack.real import Real
from tests.stack.stack import CREDENTIALS, Stack

CONFIGURATION = """
[DEFAULT]
my_ip = 127.0.0.1
host = stack
transport_url = {transport}
state_path = {home}/data
api_paste_config = /etc/manila/api-paste.ini
enabled_share_protocols = NFS
enabled_share_backends = dummy
default_share_type = default
[dummy]
share_driver = manila.tests.share.drivers.dummy.DummyDriver
share_backend_name = dummy
driver_handles_share_servers = false
[database]
connection = {database}
[oslo_concurrency]
lock_path = {home}/lock
"""


def prepare(stack: Stack) -> None:
    text = CONFIGURATION.format(
        transport=stack.transport_url,
        database=stack.database("manila"),
        home=stack.home("manila"),
    )
    config = stack.write("manila", "manila.conf", text + stack.authtoken("manila"))
    arguments = f"pyargv = --config-file={config}"
    stack.uwsgi("manila", "manila-api", 8786, "/usr/bin/manila-wsgi", arguments)
    stack.endpoint("manilav2", "sharev2", "http://127.0.0.1:8786/v2")
    stack.manage("manila", "manila-manage", f"--config-file={config}", "db", "sync")


def _daemon(name: str, processes: int) -> Real:
    return Real(
        agent=f"manila-{name}",
        user="manila",
        processes=processes,
        parameters={"config": "{folder}/manila/manila.conf"},
        needs=prepare,
        amqp=True,
        sql=True,
        levels=(0, None),
    )


DAEMONS = [
    Real(
        agent="manila-api",
        user="manila",
        processes=2,
        parameters={"config": "{folder}/manila/manila-api.ini", **CREDENTIALS},
        needs=prepare,
        sql=True,
        port=8786,
    ),
    _daemon("scheduler", 1),
    _daemon("share", 2),
]
