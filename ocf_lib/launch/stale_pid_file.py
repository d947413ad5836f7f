"""Removes the daemon's own PID file if another program has its PID now, which prevents a start.

Apache says "httpd (pid 855) already running" and exits with 0 as long as anything lives under the
PID in its file. After SIGKILL, or after a boot of a node that keeps /run on disk, another program
may have that PID: then no start succeeds on that node any more.
"""

from __future__ import annotations

import os
import re
from time import monotonic

from ocf_lib.processes.process import Process, stat
from ocf_lib.state import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.launch.command import Command
    from ocf_lib.launch.run import Daemon
    from ocf_lib.log import Log

# The daemon reads its configuration and prints it: 0.1 s (Apache with mod_wsgi).
QUERY_SECONDS = 10.0


def remove(wanted: Command, daemon: Daemon, until: float, log: Log) -> bool:
    """Remove the PID file if, by the last words of the daemon, it prevented the start of `wanted`
    and its PID belongs to another program. until: a deadline, on the monotonic clock. Returns
    whether it did: the same start may succeed now."""
    own = wanted.program.own_pid_file
    refused = re.search(own.refusal, daemon.last_words()) if own else None
    if own is None or refused is None:
        return False
    pid = refused[1]
    name = _program(int(pid))
    if name.startswith(own.programs):
        return False
    settings = daemon.ask(own.query, min(QUERY_SECONDS, until - monotonic()))
    setting = re.search(own.setting, settings, re.MULTILINE)
    if setting is None:
        return False
    path = setting[1]
    files.remove(path, only_if=pid)
    if os.path.lexists(path):
        return False
    log.warning(f"{path} of a former run is removed: PID {pid} is {name or 'free'} now")
    return True


def _program(pid: int) -> str:
    """The name of what runs under this PID, "" for nothing."""
    process = stat(pid)
    if process is None:
        return ""
    try:
        return os.path.basename(Process.of(process).exe)
    except OSError:
        return ""
