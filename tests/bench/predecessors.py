"""What these agents replace, for comparison: a few lines of our own that do what the shell agents
did. Each sources the functions of resource-agents, as every shell agent does.
"""

from __future__ import annotations

import shutil
from pathlib import Path

FUNCTIONS = "/usr/lib/ocf/lib/heartbeat/ocf-shellfuncs"
# As each of their monitors began: are the programs, the configuration and the user there?
BEGINNING = f"""#!/bin/sh
. {FUNCTIONS}
check_binary "$OCF_RESKEY_binary"
check_binary "$OCF_RESKEY_client_binary"
[ -f "$OCF_RESKEY_config" ] || exit $OCF_ERR_INSTALLED
getent passwd "$OCF_RESKEY_user" > /dev/null || exit $OCF_ERR_INSTALLED
pid=$(cat "$OCF_RESKEY_pid")
ocf_run -warn kill -0 "$pid" || exit $OCF_NOT_RUNNING
"""
# `ss` where net-tools is not installed; resource-agents recommends it.
LIST = {"netstat": "netstat -punt", "ss": "ss -tnp"}
CONNECTION = """\
LIST 2> /dev/null | grep ":$OCF_RESKEY_amqp_server_port " | grep -q "$BENCH_HOLDER" \\
    || exit $OCF_NOT_RUNNING
"""


def lister() -> str:
    """The program that lists sockets with their processes: netstat, or ss where that is missing."""
    return "netstat" if shutil.which("netstat") else "ss"


def write(folder: Path) -> tuple[Path, Path]:
    """The two scripts. They take the parameters that the shell agents took; the second also
    BENCH_HOLDER, what the list shows of the process that holds the connection: the old agents
    looked for the PID in the file there, and never found what a worker held."""
    made = folder / "pid-check", folder / "connection-check"
    texts = BEGINNING, BEGINNING + CONNECTION.replace("LIST", LIST[lister()])
    for path, text in zip(made, texts):
        path.write_text(text)
        path.chmod(0o755)
    return made


def shown(pid: int) -> str:
    """What the list has of a process."""
    return f" {pid}/" if lister() == "netstat" else f"pid={pid},"
