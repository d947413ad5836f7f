"""Stand-ins for the shell agents that these agents replace, for comparison.

A few lines of our own make the same checks. Each script sources the functions of resource-agents,
as every shell agent does.
"""

from __future__ import annotations

import shutil
from pathlib import Path

FUNCTIONS = "/usr/lib/ocf/lib/heartbeat/ocf-shellfuncs"
# Each of their monitors first checks that the programs, the configuration and the user exist.
BEGINNING = f"""#!/bin/sh
. {FUNCTIONS}
check_binary "$OCF_RESKEY_binary"
check_binary "$OCF_RESKEY_client_binary"
[ -f "$OCF_RESKEY_config" ] || exit $OCF_ERR_INSTALLED
getent passwd "$OCF_RESKEY_user" > /dev/null || exit $OCF_ERR_INSTALLED
pid=$(cat "$OCF_RESKEY_pid")
ocf_run -warn kill -0 "$pid" || exit $OCF_NOT_RUNNING
"""
# `ss` if net-tools, which resource-agents recommends, is not installed.
LIST = {"netstat": "netstat -punt", "ss": "ss -tnp"}
CONNECTION = """\
LIST 2> /dev/null | grep ":$OCF_RESKEY_amqp_server_port " | grep -q "$BENCH_HOLDER" \\
    || exit $OCF_NOT_RUNNING
"""


def lister() -> str:
    """Return the program that lists sockets and processes: netstat, or ss if that is missing."""
    return "netstat" if shutil.which("netstat") else "ss"


def write(folder: Path) -> tuple[Path, Path]:
    """Write the PID check and the connection check and return their paths.

    Both take the parameters of the shell agents. The second also takes BENCH_HOLDER, the text that
    the list shows for the process with the connection: the old agents searched for the PID in the
    PID file, and so never found a connection held by a worker.
    """
    made = folder / "pid-check", folder / "connection-check"
    texts = BEGINNING, BEGINNING + CONNECTION.replace("LIST", LIST[lister()])
    for path, text in zip(made, texts):
        path.write_text(text)
        path.chmod(0o755)
    return made


def shown(pid: int) -> str:
    """Return the text that the list shows for a process."""
    return f" {pid}/" if lister() == "netstat" else f"pid={pid},"
