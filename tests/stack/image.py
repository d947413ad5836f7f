"""Glance for the stack."""

from __future__ import annotations

from tests.stack.real import Real
from tests.stack.stack import CREDENTIALS, Stack

CONFIGURATION = """
[DEFAULT]
bind_host = {listen}
bind_port = 9292
workers = {workers}
[database]
connection = {database}
[glance_store]
stores = file
default_store = file
filesystem_store_datadir = {home}/data
[oslo_concurrency]
lock_path = {home}/lock
[paste_deploy]
flavor = keystone
config_file = /etc/glance/glance-api-paste.ini
"""


def prepare(stack: Stack) -> None:
    text = CONFIGURATION.format(
        listen=stack.listen,
        workers=stack.workers,
        database=stack.database("glance"),
        home=stack.home("glance"),
    )
    config = stack.write("glance", "glance-api.conf", text + stack.authtoken("glance"))
    stack.endpoint("glance", "image", stack.url(9292))
    stack.manage("glance", "glance-manage", f"--config-file={config}", "db_sync")


GLANCE = Real(
    agent="glance-api",
    user="glance",
    processes=3,
    parameters={"config": "{folder}/glance/glance-api.conf", **CREDENTIALS},
    needs=prepare,
    sql=True,
    port=9292,
)
DAEMONS = [GLANCE]
