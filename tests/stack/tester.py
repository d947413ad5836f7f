"""ocf-tester, which every agent has to pass with its real daemon."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests import pace
from tests.calling import PATH, Caller

# The timeout of each action, and of all of them, on a quiet machine.
SECONDS, ALL_SECONDS = 60, 180
DEGRADED = "rc=190"
# How often it is run on a busy machine, if a monitor had no verdict.
TRIES = 3


def run_ocf_tester(caller: Caller, readable: Path) -> None:
    """Run ocf-tester on the daemon; it must pass.

    readable: a copy of agents and library that user nobody can read; ocf-tester runs some calls as
    nobody.
    """
    # ocf-tester itself gives each action 20 s, which may be too short for a real Keystone beside a
    # full test run. As an operator would, we set a longer timeout.
    parameters = {**caller.parameters, "CRM_meta_timeout": f"{int(pace.seconds(SECONDS) * 1000)}"}
    given = [word for name, value in parameters.items() for word in ("-o", f"{name}={value}")]
    agent = str(readable / "agents" / caller.agent)
    words = [*caller.prefix, "ocf-tester", "-n", caller.instance, *given, agent]
    environment = {"PATH": PATH, "OCF_ROOT": "/usr/lib/ocf", "HA_RSCTMP": str(caller.rsctmp)}
    for _ in range(TRIES):
        during = pace.Stretch()
        done = _run(words, environment)
        # it takes a monitor without a verdict for a failure (tests/calling.py)
        if DEGRADED not in done.stdout or not during.was_busy():
            break
    assert done.returncode == 0, done.stdout
    assert "passed all tests" in done.stdout


def _run(words: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return pace.run(
        words,
        env=environment,
        cwd="/",
        stderr=subprocess.STDOUT,
        text=True,
        timeout=ALL_SECONDS,
    )
