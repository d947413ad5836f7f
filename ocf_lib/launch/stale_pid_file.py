"""A PID file of the daemon's own that names another program's process, and so prevents the start.

Apache says "httpd (pid 855) already running" and exits with 0 as long as anything lives under the
PID in its file. After SIGKILL, or after a boot of a node that keeps /run on disk, another program
may have that number: no start ever succeeds again there.
"""

from __future__ import annotations

import os
import re
from time import monotonic

from ocf_lib.launch import command, run
from ocf_lib.processes.process import Process, stat
from ocf_lib.state import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.instance import Instance
    from ocf_lib.launch.command import Command
    from ocf_lib.log import Log

# The daemon reads its configuration and prints it: 0.1 s (Apache with mod_wsgi).
QUERY_SECONDS = 10.0


def remove(instance: Instance, wanted: Command, words: str, log: Log) -> bool:
    """Remove the PID file if, by the daemon's last words, it prevented the start and its PID
    belongs to another program. Returns whether it did: the same start may succeed now."""
    own = command.program_of(instance.service, instance.parameters).own_pid_file
    refused = re.search(own.refusal, words) if own else None
    if own is None or refused is None:
        return False
    pid = refused[1]
    name = _program(int(pid))
    if name.startswith(own.programs):
        return False
    seconds = min(QUERY_SECONDS, instance.environment.deadline - monotonic())
    settings = run.ask(instance, wanted, own.query, seconds)
    setting = re.search(own.setting, settings, re.MULTILINE)
    if setting is None:
        return False
    path = setting[1]
    files.remove(path, only_if=pid)
    if os.path.lexists(path):
        return False
    log.warning(f"{path} of a former run is removed: PID {pid} is {name or 'of no process'} now")
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
