"""The sentinel of a daemon: a small process of root's that waits for its end (cold module).

It is the daemon's parent where we start it, and so learns how it ended. It lies in a session of its
own, out of reach of the SIGKILL that Pacemaker sends to the process group of a start that takes too
long, and holds no descriptor of anybody's. Nothing waits for it: where it dies, Pacemaker polls.
"""

from __future__ import annotations

import os
import select
import signal
import sys

from ocf_lib.instance import MARKER
from ocf_lib.processes import signals
from ocf_lib.processes.members import SENTINEL
from ocf_lib.processes.process import stat
from ocf_lib.sentinel import wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocf_lib.instance import Instance
    from ocf_lib.processes.process import Stat

# What it needs of the caller's environment to log, and to tell Pacemaker: no parameter is among it.
KEPT = ("PATH", "OCF_ROOT", "OCF_RESOURCE_INSTANCE", "OCF_RESKEY_CRM_meta_on_node")
KEPT_BEGINNINGS = ("HA_", "PCMK_")
# How long the news of an end may take from there to here.
NEWS_SECONDS = 1.0


class Watched:
    """A process that a sentinel started: our grandchild. start: as in Stat. line: what the sentinel
    tells of it, for as long as this action lasts."""

    def __init__(self, pid: int, start: int, line: int) -> None:
        self.pid, self.start, self._line = pid, start, line
        self._ended: str | None = None

    def ended(self, seconds: float = 0.0) -> str | None:
        """How it ended, None while it lives; waits for that news for some seconds."""
        if self._ended is None and select.select([self._line], [], [], seconds)[0]:
            said = os.read(self._line, 16)
            self._ended = signals.describe(int(said)) if said else "ended"
        return self._ended


def launch(instance: Instance, run: Callable[[], int]) -> Watched:
    """Call `run` in a new sentinel, which returns the PID of a child that it started.

    Raises what `run` raised, if that is an OSError; another for a sentinel that was killed.
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

    _fork(instance, begin, line=writing)
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


def settle(instance: Instance, leader: Stat, sentinels: Sequence[Stat]) -> None:
    """Have a running daemon watched, or not, as crash_detection says. sentinels: those it has."""
    if not instance.parameters.get("crash_detection"):
        dismiss(sentinels)
        return
    if sentinels:
        return
    try:
        hold = os.pidfd_open(leader.pid)
    except OSError:
        return  # it has just ended, or the kernel is older than 5.3: monitor finds a crash
    # the descriptor holds on to whoever has the PID now
    if signals.lives(leader):
        _fork(instance, lambda: (leader.pid, leader.start), hold=hold)
    os.close(hold)


def dismiss(sentinels: Sequence[Stat]) -> None:
    """End them, and what they run. Afterwards no end of the daemon is reported."""
    signals.send(sentinels, signal.SIGKILL)


def _fork(
    instance: Instance, begin: Callable[[], tuple[int, int]], line: int = -1, hold: int = -1
) -> None:
    """A child that becomes the sentinel of the process that `begin` returns, PID and start. line,
    hold: descriptors, as sentinel.main takes them."""
    if os.fork():
        return
    try:
        os.setsid()
        # of Pacemaker's, which waits for their end, or of a lock
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nothing, number)
        os.chdir("/")
        known = begin()
        _keep_open(line, hold)
        words = [instance.name, instance.file("record"), *map(str, (*known, line, hold))]
        python = sys.executable or "/usr/bin/python3"
        argv = [python, "-I", "-S", _program(), *words]
        os.execve(python, argv, environment(instance))  # noqa: S606 - words, not a shell
    finally:
        os._exit(1)


def _program() -> str:
    """The compiled module where there is one: to compile it takes 0.4 MiB that Python keeps."""
    spec = wait.__spec__
    compiled = spec.cached if spec is not None else None
    return compiled if compiled and os.path.exists(compiled) else wait.__file__


def _keep_open(*kept: int) -> None:
    """Close every descriptor but these and the first three, also what the caller let us inherit."""
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        if number in kept:
            os.set_inheritable(number, True)
        elif number > 2:
            os.closerange(number, number + 1)


def environment(instance: Instance) -> dict[str, str]:
    """All variables of a sentinel; its marker is unlike those of the daemon's processes."""
    given = instance.environment.environ
    kept = {n: v for n, v in given.items() if n in KEPT or n.startswith(KEPT_BEGINNINGS)}
    ours = {"HA_RSCTMP": instance.environment.rsctmp, MARKER: SENTINEL + instance.name}
    # a locale of its own is 0.1 MiB of each sentinel
    return {**kept, **ours, "LC_ALL": "C"}
