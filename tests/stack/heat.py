"""Heat for the stack: both APIs under uwsgi, two workers of the engine."""

from __future__ import annotations

from tests.stack.real import Real
from tests.stack.stack import CREDENTIALS, Stack

CONFIGURATION = """
[DEFAULT]
host = {name}
transport_url = {transport}
num_engine_workers = {workers}
heat_metadata_server_url = {cfn}
heat_waitcondition_server_url = {cfn}/v1/waitcondition
[database]
connection = {database}
[paste_deploy]
api_paste_config = /etc/heat/api-paste.ini
[oslo_concurrency]
lock_path = {home}/lock
[clients_keystone]
auth_uri = {identity}
[trustee]
{credentials}
"""


def prepare(stack: Stack) -> None:
    home = stack.home("heat")
    text = CONFIGURATION.format(
        transport=stack.transport_url,
        database=stack.database("heat"),
        home=home,
        name=stack.name,
        workers=stack.workers,
        cfn=stack.url(8000),
        identity=stack.identity,
        credentials=stack.credentials("heat"),
    )
    config = stack.write("heat", "heat.conf", text + stack.authtoken("heat"))
    arguments = f"pyargv = --config-file={config}"
    stack.uwsgi("heat", "heat-api", 8004, "/usr/bin/heat-wsgi-api", arguments)
    stack.uwsgi("heat", "heat-api-cfn", 8000, "/usr/bin/heat-wsgi-api-cfn", arguments)
    stack.endpoint("heat", "orchestration", stack.url(8004) + "/v1/$(project_id)s")
    stack.endpoint("heat-cfn", "cloudformation", stack.url(8000) + "/v1")
    stack.manage("heat", "heat-manage", f"--config-file={config}", "db_sync")


DAEMONS = [
    Real(
        agent="heat-api",
        user="heat",
        processes=2,
        parameters={"config": "{folder}/heat/heat-api.ini", **CREDENTIALS},
        needs=prepare,
        port=8004,
    ),
    Real(
        agent="heat-api-cfn",
        user="heat",
        processes=2,
        parameters={"config": "{folder}/heat/heat-api-cfn.ini"},
        needs=prepare,
        port=8000,
    ),
    Real(
        agent="heat-engine",
        user="heat",
        processes=3,
        parameters={"config": "{folder}/heat/heat.conf"},
        needs=prepare,
        amqp=True,
        sql=True,
        levels=(0, None),
    ),
]
