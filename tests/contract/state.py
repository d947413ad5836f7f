"""State of an instance, written by hand as start and monitor write it."""

from __future__ import annotations

from pathlib import Path

from ocf_lib.declare.service import Service
from ocf_lib.environment import Environment
from ocf_lib.instance import Instance
from tests.calling import Caller
from tests.contract.kinds import current


def state_file(call: Caller, kind: str) -> Path:
    """Where the library keeps the record, the token or the lock of this instance."""
    service = Service(
        name=current(call.agent),  # an alias' state is that of the agent it names
        title="",
        longdesc="",
        project="",
        programs=(),
        parameters=(),
        actions=(),
    )
    return Path(Instance(service, Environment(["monitor"], call.environment())).file(kind))


def keep(call: Caller, kind: str, content: object) -> Path:
    """Write a file of this instance's state, in a folder as start makes it."""
    path = state_file(call, kind)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else str(content).encode())
    return path
