"""A dead daemon's PID that another process has got: the agent neither counts nor signals that
process. ns_last_pid of proc(5) sets the next PID in a PID namespace."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.calling import unshare
from tests.faults.aftermath import is_served
from tests.faults.rig import STRANGER, Rig, wait_until

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("witnesses")]

# PID 1 of the namespace. It reaps all children, so that a dead process's PID is free at once.
INIT = "import signal as s; s.signal(s.SIGCHLD, s.SIG_IGN); print(flush=True)\nwhile 1: s.pause()"
LAST_PID = "/proc/sys/kernel/ns_last_pid"
# How many times an agent may fork before it forks its daemon.
FORKS = range(8)


class World:
    """A PID namespace for the calls of some rigs and for the processes that they start."""

    def __init__(self) -> None:
        words = [*unshare(), "--pid", "--fork", "--mount-proc", "--kill-child"]
        self.unshare = subprocess.Popen([*words, "python3", "-c", INIT], stdout=subprocess.PIPE)
        assert self.unshare.stdout is not None
        self.unshare.stdout.readline()
        (first,) = psutil.Process(self.unshare.pid).children()
        self.inside = ("nsenter", f"--target={first.pid}", "--pid", "--mount", "--")
        self.proc = Path(f"/proc/{first.pid}/root/proc")

    def __contains__(self, pid: int) -> bool:
        return (self.proc / str(pid)).exists()

    def parent(self, rig: Rig) -> int:
        """The PID inside the namespace of a rig's living parent process."""
        return next(pid for pid in reversed(rig.born("parent")) if pid in self)

    def run_as(self, pid: int, user: str, *words: str) -> int:
        """Run a program with exactly this PID, which must be free."""
        script = (
            f"import os, sys; open('{LAST_PID}', 'w').write('{pid - 1}'); pid = os.fork()\n"
            f"if pid: print(pid, flush=True); os._exit(0)\n"
            "os.setsid(); [os.close(n) for n in range(3)]\n"
            f"os.execvp('setpriv', {['setpriv', '--reuid', user, '--clear-groups', *words]!r})"
        )
        done = subprocess.run(
            [*self.inside, "python3", "-c", script], stdout=subprocess.PIPE, text=True, check=True
        )
        assert int(done.stdout) == pid
        return pid

    def end(self) -> None:
        self.unshare.kill()
        self.unshare.communicate()


@pytest.fixture
def world() -> Iterator[World]:
    if not os.path.exists(LAST_PID):
        pytest.skip("this kernel has no CONFIG_CHECKPOINT_RESTORE")
    made = World()
    yield made
    made.end()


def die(rig: Rig, world: World) -> int:
    """Start the daemon and kill it; return its PID inside the namespace, which is free now."""
    rig.caller.prefix = world.inside
    rig.start()
    pid = world.parent(rig)
    subprocess.run([*world.inside, "kill", "-KILL", str(pid)], check=True)
    wait_until(lambda: rig.pids == [] and pid not in world, "it is gone")
    return pid


def start_as(rig: Rig, world: World, pid: int) -> None:
    """Start the daemon of another rig so that it gets this PID."""
    for forks in FORKS:
        script = f'echo {pid - 1 - forks} > {LAST_PID} && exec "$@"'
        rig.caller.prefix = (*world.inside, "sh", "-c", script, "sh")
        rig.start()
        rig.caller.prefix = world.inside
        if world.parent(rig) == pid:
            return
        rig.stop()
    pytest.fail(f"no daemon got PID {pid}")


@pytest.mark.parametrize("user", ["root", STRANGER, "its own"])
def test_the_pid_of_a_stranger(rig: Rig, world: World, user: str) -> None:
    pid = die(rig, world)
    world.run_as(pid, rig.user if user == "its own" else user, "sleep", "600")
    assert rig.probe().code == 7
    assert rig.monitor().code == 7
    assert rig.caller("stop").code == 0
    rig.start()
    assert rig.monitor().code == 0
    rig.stop()
    assert pid in world


@pytest.mark.parametrize("agent", ["keystone", "nova-api"])
def test_the_pid_of_another_service_of_the_same_user(
    rig: Rig, make_rig: Callable[..., Rig], world: World, agent: str
) -> None:
    """Another instance of the same agent, or another agent; both run the same program."""
    other = make_rig(agent=agent, user=rig.user)
    start_as(other, world, die(rig, world))
    assert rig.probe().code == 7
    assert rig.caller("stop").code == 0
    rig.start()
    rig.stop()
    assert len(other.pids) == 3
    assert is_served(other)
    assert other.monitor().code == 0
    other.stop()
