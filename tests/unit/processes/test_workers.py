"""A parent's workers, and which trouble of a dependency a monitor reports as news."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from ocf_lib import agent
from ocf_lib.actions import monitor
from ocf_lib.environment import Environment
from ocf_lib.instance import Instance
from ocf_lib.processes import members, procfs
from ocf_lib.processes.process import has_working_child, stat
from tests.unit.conftest import PYTHON, Processes, eventually
from tests.unit.processes.test_members import WAIT, tree

Make = Callable[..., Instance]
# A parent that does not reap its child: prints its own PID, and that of the child, which has ended.
FORGETS = """
import os, time
reading, writing = os.pipe()
pid = os.fork()
if pid == 0:
    os._exit(0)
os.close(writing)
os.read(reading, 1)
os.write(1, b"%d\\n%d\\n" % (os.getpid(), pid))
time.sleep(600)
"""
# A parent that runs a program in its child, and prints the child's PID once the program runs.
RUNS = """
import os, sys, time
reading, writing = os.pipe()
pid = os.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
os.close(writing)
os.read(reading, 1)
os.write(1, b"%d\\n" % pid)
time.sleep(600)
"""
# Sets titles as neutron's daemons do: the child writes one around its command line, in the brackets
# that the first argument names; if there is a second one, so does the parent. Prints both PIDs.
RETITLES = """
import ctypes, os, sys, time
def write(name):
    left, right = {"round": "()", "square": "[]"}[sys.argv[1]]
    fields = open("/proc/self/stat").read().rpartition(")")[2].split()
    begin, end = int(fields[45]), int(fields[46])
    whole = open("/proc/self/cmdline", "rb").read().rstrip(b"\\0").replace(b"\\0", b" ")
    made = (name + " " + left + whole.decode() + right).encode()
    # where it is longer it goes on over the environment, as with the setproctitle package
    ctypes.memset(begin, 0, end - begin)
    ctypes.memmove(begin, made + b"\\0", len(made) + 1)
reading, writing = os.pipe()
pid = os.fork()
if pid == 0:
    write("demo-server: worker")
    os.write(writing, b"x")
    time.sleep(600)
os.read(reading, 1)
if sys.argv[2:]:
    write("demo-server")
os.write(1, b"%d\\n%d\\n" % (os.getpid(), pid))
time.sleep(600)
"""


# -- children that do work -------------------------------------------------------------------------


def test_a_parent_with_a_worker(processes: Processes) -> None:
    parent, (child,) = tree(processes, "fork")
    if has_working_child(parent) is None:
        pytest.skip("this kernel does not list children (CONFIG_PROC_CHILDREN)")
    assert has_working_child(parent) is True
    assert has_working_child(child) is False
    os.kill(child, signal.SIGKILL)
    eventually(lambda: has_working_child(parent) is False)


def test_a_worker_that_nobody_reaped_is_none(processes: Processes) -> None:
    process, (_, child) = processes.python(FORGETS, lines=2)
    eventually(lambda: str(getattr(stat(child), "state", "")) == "Z")
    assert not has_working_child(process.pid)


def test_a_frozen_worker_does_no_work(processes: Processes) -> None:
    parent, children = tree(processes, "fork", "fork")
    if has_working_child(parent) is None:
        pytest.skip("this kernel does not list children (CONFIG_PROC_CHILDREN)")
    os.kill(children[0], signal.SIGSTOP)
    eventually(lambda: str(getattr(stat(children[0]), "state", "")) == "T")
    assert has_working_child(parent) is True, "the other one works"
    os.kill(children[1], signal.SIGSTOP)
    eventually(lambda: has_working_child(parent) is False)
    os.kill(children[0], signal.SIGCONT)
    eventually(lambda: has_working_child(parent) is True)


def test_of_a_parent_that_is_gone_nothing_is_known(processes: Processes) -> None:
    process, _ = processes.python(WAIT)
    assert not has_working_child(process.pid)
    process.kill()
    process.wait()
    assert has_working_child(process.pid) is None


def test_many_children(processes: Processes) -> None:
    """The kernel's list of children is longer than the part of it that is read."""
    words = ["fork"] * 40
    parent, children = tree(processes, *words)
    for child in children[:-1]:
        os.kill(child, signal.SIGKILL)
    assert has_working_child(parent) in (True, None)
    os.kill(children[-1], signal.SIGKILL)
    eventually(lambda: not has_working_child(parent))


# -- forks, and programs that a daemon only runs ---------------------------------------------------


def family(*pids: int) -> list[members.Stat]:
    found = [stat(pid) for pid in pids]
    assert all(found)
    return found  # type: ignore[return-value]


def test_forks_are_workers(processes: Processes) -> None:
    parent, children = tree(processes, "fork", "fork")
    assert members.has_workers(parent, family(parent, *children))
    assert members.has_workers(parent, family(children[1]))


def test_the_parent_alone_has_none(processes: Processes) -> None:
    parent, _ = tree(processes)
    assert not members.has_workers(parent, family(parent))
    assert not members.has_workers(parent, [])


def test_forks_of_another_parent_are_not_its_workers(processes: Processes) -> None:
    parent, _ = tree(processes)
    _, others = tree(processes, "fork")
    assert not members.has_workers(parent, family(parent, *others))


@pytest.mark.parametrize(
    "words", [["/bin/sleep", "600"], [PYTHON, "-I", "-S", "-c", WAIT]], ids=["sleep", "python"]
)
def test_a_program_that_it_runs_is_no_worker(processes: Processes, words: list[str]) -> None:
    process, (child,) = processes.python(RUNS, *words)
    processes.tell([child])
    eventually(lambda: procfs.command_line(child) == words)
    assert not members.has_workers(process.pid, family(process.pid, child))


@pytest.mark.parametrize(
    "words", [["round"], ["round", "both"], ["square"], ["square", "both"]], ids=" ".join
)
def test_a_title_hides_no_worker(processes: Processes, tmp_path: Path, words: list[str]) -> None:
    script = tmp_path / "demo-server"
    script.write_text(RETITLES)
    process, (parent, child) = processes.run(PYTHON, script, *words, lines=2)
    shown = [" ".join(procfs.command_line(pid)) for pid in (parent, child)]
    assert [line.startswith("demo-server") for line in shown] == ["both" in words, True]
    assert members.has_workers(process.pid, family(parent, child))


def test_a_leader_that_is_gone_has_none(processes: Processes) -> None:
    parent, children = tree(processes, "own session")
    workers = family(*children)
    process = processes.started[0]
    process.kill()
    process.wait()
    assert not members.has_workers(parent, workers)


# -- what is news ----------------------------------------------------------------------------------


@pytest.fixture
def polled(instance_of: Make, tmp_path: Path) -> Callable[..., Instance]:
    """The instance as the next call sees it, with the notes of earlier calls."""

    def make(interval: int = 10000, level: str = "", action: str = "monitor") -> Instance:
        made = instance_of(action=action)
        environ = {**made.environment.environ}
        if interval:
            environ["OCF_RESKEY_CRM_meta_interval"] = str(interval)
        if level:
            environ["OCF_CHECK_LEVEL"] = level
        os.makedirs(made.folder, 0o700, exist_ok=True)
        return Instance(made.service, Environment([action], environ))

    return make


def is_news(made: Instance, dependency: str, name: str = "trouble.10") -> bool:
    found = monitor._is_news(made, name, dependency)
    made.keep_notes()
    return found


def test_one_poll_is_no_news_and_the_second_is(polled: Make) -> None:
    assert not is_news(polled(), "broker")
    assert is_news(polled(), "broker")
    assert is_news(polled(), "broker")


def test_after_a_bad_poll_any_other_trouble_is_news(polled: Make) -> None:
    assert not is_news(polled(), "broker")
    assert is_news(polled(), "database")


def test_after_a_fault_of_its_own_trouble_is_news(polled: Make) -> None:
    made = polled()
    made.notes[made.said] = "API http://127.0.0.1:9999/ answered 500"
    made.keep_notes()
    assert is_news(polled(), "broker")


def test_a_good_poll_between_makes_it_the_first_again(polled: Make) -> None:
    assert not is_news(polled(), "broker")
    made = polled()
    made.notes.drop("trouble.10")
    made.keep_notes()
    assert not is_news(polled(), "broker")


def test_levels_are_counted_apart(polled: Make) -> None:
    assert not is_news(polled(), "broker", "trouble.10")
    assert not is_news(polled(), "broker", "trouble.20")
    assert is_news(polled(), "broker", "trouble.20")


def test_a_probe_has_no_second_poll(polled: Make) -> None:
    assert is_news(polled(interval=0), "broker")


def is_new(made: Instance, reason: str) -> bool:
    found = agent._is_new(made, reason)
    made.keep_notes()
    return found


def test_what_was_said_is_not_logged_again(polled: Make) -> None:
    assert is_new(polled(), "no AMQP connection to 10.0.0.5:5672 for 75 s")
    assert not is_new(polled(), "no AMQP connection to 10.0.0.5:5672 for 75 s")
    assert not is_new(polled(), "no AMQP connection to 10.0.0.5:5672 for 105 s")
    assert is_new(polled(), "broker 10.0.0.5:5672 refused the connection (degraded)")
    assert is_new(polled(), "no AMQP connection to 10.0.0.5:5672 for 5 s")


def test_each_level_says_its_own(polled: Make) -> None:
    assert is_new(polled(), "x")
    assert is_new(polled(level="10"), "x")
    assert is_new(polled(level="20"), "x")
    assert not is_new(polled(level="20"), "x")


@pytest.mark.parametrize("action, interval", [("monitor", 0), ("start", 0), ("stop", 10000)])
def test_what_nobody_repeats_is_always_logged(polled: Make, action: str, interval: int) -> None:
    for _ in range(2):
        made = polled(interval=interval, action=action)
        assert is_new(made, "x")
        assert made.notes.facts == {}
