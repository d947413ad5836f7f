"""A second Keystone beside the stack's own, on the same database."""

from __future__ import annotations

from tests.stack.real import Real
from tests.stack.stack import CREDENTIALS, Stack

PORT = 5001


def prepare(stack: Stack) -> None:
    stack.catalog.ini("second", PORT)


DAEMONS = [
    Real(
        agent="keystone",
        user="keystone",
        processes=3,
        parameters={"config": "{folder}/keystone/second.ini", **CREDENTIALS},
        needs=prepare,
        sql=True,
        port=PORT,
    )
]
