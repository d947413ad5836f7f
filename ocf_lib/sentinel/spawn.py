"""Starts the sentinel of a daemon: a small process of root that waits for the daemon's end.

If we start the daemon, the sentinel is its parent, and so learns how the daemon ended. The sentinel
has a session of its own, out of reach of the SIGKILL that Pacemaker sends to the process group of a
start that takes too long, and it holds no descriptor of another process. Nothing depends on the
sentinel: if it dies, the next monitor finds a crash.
"""

from __future__ import annotations

import os
import select
import sys

from ocf_lib.processes import signals
from ocf_lib.processes.process import stat
from ocf_lib.processes.procfs import MARKER, SENTINEL
from ocf_lib.sentinel import wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ocf_lib.instance import Instance
    from ocf_lib.processes.process import Stat

# Variables of the caller that the sentinel needs, to log and to tell Pacemaker; no parameters.
KEPT = ("PATH", "OCF_ROOT", "OCF_RESOURCE_INSTANCE", "OCF_RESKEY_CRM_meta_on_node")
KEPT_BEGINNINGS = ("HA_", "PCMK_")
# Seconds that the news of an end may take from the sentinel to the action that started it.
NEWS_SECONDS = 1.0


class Watched:
    """A process that a sentinel started: our grandchild. start: as in Stat. line: a descriptor from
    which we read how it ended, as long as this action runs."""

    def __init__(self, pid: int, start: int, line: int) -> None:
        self.pid, self.start, self._line = pid, start, line
        self._ended: str | None = None

    def ended(self, seconds: float = 0.0) -> str | None:
        """How it ended, None while it lives; waits for that news for some seconds."""
        if self._ended is None and select.select([self._line], [], [], seconds)[0]:
            said = os.read(self._line, 16)
            self._ended = signals.describe(int(said)) if said else "ended"
        return self._ended


class Sentinel:
    """A sentinel that does not run yet, for the daemon of `instance`."""

    def __init__(self, instance: Instance) -> None:
        self.name, self.record = instance.name, instance.file("record")
        given = instance.environment.environ
        kept = {n: v for n, v in given.items() if n in KEPT or n.startswith(KEPT_BEGINNINGS)}
        # its marker differs from that of the daemon's processes
        ours = {"HA_RSCTMP": instance.environment.rsctmp, MARKER: SENTINEL + self.name}
        # another locale costs 0.1 MiB in each sentinel
        self.environment = {**kept, **ours, "LC_ALL": "C"}

    def launch(self, run: Callable[[], int]) -> Watched:
        """Call `run` in a new sentinel. `run` starts a child and returns its PID.

        Raises the OSError that `run` raised; ChildProcessError if the sentinel was killed.
        """
        reading, writing = os.pipe()

        def begin() -> tuple[int, int]:
            try:
                pid = run()
            except OSError as error:
                os.write(writing, f"{error.errno or 0}\n".encode())
                raise
            found = stat(pid)
            start = found.start if found else 0
            os.write(writing, f"{pid} {start}\n".encode())
            return pid, start

        self._fork(begin, line=writing)
        os.close(writing)
        said = b""
        while not said.endswith(b"\n"):
            part = os.read(reading, 1)
            if not part:
                raise ChildProcessError(0, "its sentinel was killed")
            said += part
        pid, *start = map(int, said.split())
        if not start:
            raise OSError(pid, os.strerror(pid))
        return Watched(pid, start[0], reading)

    def watch(self, leader: Stat) -> None:
        """Wait for the end of a daemon that runs already."""
        try:
            hold = os.pidfd_open(leader.pid)
        except OSError:
            return  # it has just ended, or the kernel is older than 5.3: monitor finds a crash
        # the descriptor holds on to the process that has the PID now
        if signals.lives(leader):
            self._fork(lambda: (leader.pid, leader.start), hold=hold)
        os.close(hold)

    def _fork(self, begin: Callable[[], tuple[int, int]], line: int = -1, hold: int = -1) -> None:
        """Fork the sentinel of the process whose PID and start time `begin` returns. line, hold:
        descriptors, as wait.main takes them."""
        if os.fork():
            return
        try:
            os.setsid()
            # 0, 1 and 2 may be pipes, which Pacemaker reads to their end, or hold a lock
            nothing = os.open(os.devnull, os.O_RDWR)
            for number in (0, 1, 2):
                os.dup2(nothing, number)
            os.chdir("/")
            known = begin()
            _keep_open(line, hold)
            words = [self.name, self.record, *map(str, (*known, line, hold))]
            python = sys.executable or "/usr/bin/python3"
            argv = [python, "-I", "-S", _program(), *words]
            os.execve(python, argv, self.environment)  # noqa: S606 - words, not a shell
        finally:
            os._exit(1)


def _program() -> str:
    """The compiled module, if there is one: compiling takes 0.4 MiB, which Python keeps."""
    spec = wait.__spec__
    compiled = spec.cached if spec is not None else None
    return compiled if compiled and os.path.exists(compiled) else wait.__file__


def _keep_open(*kept: int) -> None:
    """Close every descriptor but these and the first three, also those that we inherited."""
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        if number in kept:
            os.set_inheritable(number, True)
        elif number > 2:
            os.closerange(number, number + 1)
