"""ocf-tester, which every agent has to pass with its real daemon."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.calling import PATH, Caller

# The timeout of each action.
SECONDS = 60


def run_ocf_tester(caller: Caller, readable: Path) -> None:
    """Run ocf-tester on the daemon; it must pass.

    readable: a copy of agents and library that user nobody can read; ocf-tester runs some calls as
    nobody.
    """
    # ocf-tester itself gives each action 20 s, which may be too short for a real Keystone beside a
    # full test run. As an operator would, we set a longer timeout.
    parameters = {**caller.parameters, "CRM_meta_timeout": f"{SECONDS * 1000}"}
    given = [word for name, value in parameters.items() for word in ("-o", f"{name}={value}")]
    agent = str(readable / "agents" / caller.agent)
    done = subprocess.run(
        [*caller.prefix, "ocf-tester", "-n", caller.instance, *given, agent],
        env={"PATH": PATH, "OCF_ROOT": "/usr/lib/ocf", "HA_RSCTMP": str(caller.rsctmp)},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "passed all tests" in done.stdout
