"""Placement for the stack."""

from __future__ import annotations

from tests.stack.real import Real
from tests.stack.stack import CREDENTIALS, Stack

CONFIGURATION = """
[api]
auth_strategy = keystone
[placement_database]
connection = {database}
"""


def register(stack: Stack) -> None:
    """Enter Placement in the catalog."""
    stack.endpoint("placement", "placement", stack.url(8778))


def prepare(stack: Stack) -> None:
    text = CONFIGURATION.format(database=stack.database("placement"))
    config = stack.write("placement", "placement.conf", text + stack.authtoken("placement"))
    where = f"env = OS_PLACEMENT_CONFIG_DIR={config.parent}"
    stack.uwsgi("placement", "placement-api", 8778, "/usr/bin/placement-api", where)
    register(stack)
    stack.manage("placement", "placement-manage", f"--config-file={config}", "db", "sync")


DAEMONS = [
    Real(
        agent="placement-api",
        user="placement",
        processes=2,
        parameters={"config": "{folder}/placement/placement-api.ini", **CREDENTIALS},
        needs=prepare,
        sql=True,
        port=8778,
    )
]
