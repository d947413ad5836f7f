"""With an OpenSSL that cannot be loaded, a stop works, and so does the monitor of the processes
(contract 18a)."""

from __future__ import annotations

import subprocess

import pytest

from tests import pace
from tests.calling import AGENTS, Caller
from tests.contract.node import BareNode, Result, run
from tests.contract.state import keep, record_of

pytestmark = [pytest.mark.library, pytest.mark.root]

# Runs an agent where `import ssl` fails, as it does if libssl is missing or of another version.
BROKEN = """
import runpy, sys
sys.modules["_ssl"] = None
path, sys.argv = sys.argv[1], sys.argv[1:]
runpy.run_path(path, run_name="__main__")
"""


def words(call: Caller, action: str) -> list[str]:
    return ["/usr/bin/python3", "-I", "-S", "-c", BROKEN, str(AGENTS / call.agent), action]


def test_ssl_is_broken_there() -> None:
    code = BROKEN.partition("path, ")[0] + "import ssl"
    done = run(["/usr/bin/python3", "-I", "-S", "-c", code], {})
    assert "ModuleNotFoundError" in done.err or "ImportError" in done.err


def test_a_stopped_one_is_stopped(call: Caller, node: BareNode) -> None:
    done = node(words(call, "stop"), call.environment())
    assert (done.code, done.err) == (0, "")


def test_a_running_one_is_stopped(call: Caller, daemon: subprocess.Popen[bytes]) -> None:
    path = keep(call, "record", record_of(daemon))
    done: Result = run(words(call, "stop"), call.environment())
    assert (done.code, done.err) == (0, "")
    assert daemon.wait(pace.seconds(10)) == -15
    assert not path.exists()


def test_the_processes_are_monitored(call: Caller, daemon: subprocess.Popen[bytes]) -> None:
    keep(call, "record", record_of(daemon))
    done = run(words(call, "monitor"), {**call.environment(), "OCF_CHECK_LEVEL": "0"})
    assert (done.code, done.err) == (0, "")
