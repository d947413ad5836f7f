"""Writes state files of an instance in place of start and monitor."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ocf_lib.declare.service import Ending, Service
from ocf_lib.environment import Environment
from ocf_lib.instance import Instance
from ocf_lib.processes.process import Process, stat
from ocf_lib.state.record import Record
from tests.calling import Caller
from tests.contract.kinds import current


def state_file(call: Caller, kind: str) -> Path:
    """The path of this instance's record, notes or lock."""
    service = Service(
        name=current(call.agent),  # an alias shares the state of its agent
        title="",
        longdesc="",
        project="",
        programs=(),
        parameters=(),
        actions=(),
    )
    return Path(Instance(service, Environment(["monitor"], call.environment())).file(kind))


def keep(call: Caller, kind: str, content: object) -> Path:
    """Write a state file of this instance, in a folder like the one that start makes."""
    path = state_file(call, kind)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else str(content).encode())
    return path


def record_of(process: subprocess.Popen[bytes]) -> Record:
    """The record of a daemon that is this process."""
    found = stat(process.pid)
    assert found is not None
    return Record(Process.of(found), Ending(15, 0))
