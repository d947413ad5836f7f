"""ocf-tester, which every agent has to pass with its real daemon."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.calling import PATH, Caller

# What each action may take.
SECONDS = 60


def run_ocf_tester(caller: Caller, readable: Path) -> None:
    """readable: agents and library where also nobody, whom ocf-tester is at times, reaches them."""
    # ocf-tester itself grants each action 20 s, in which a real Keystone beside a full test run may
    # not be up; as an operator would, we say more
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
