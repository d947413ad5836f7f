"""ocf-tester, which every agent has to pass with its real daemon."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.calling import PATH, Caller


def run_ocf_tester(caller: Caller, readable: Path) -> None:
    """readable: agents and library where also nobody, whom ocf-tester is at times, reaches them."""
    given = [
        word for name, value in caller.parameters.items() for word in ("-o", f"{name}={value}")
    ]
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
