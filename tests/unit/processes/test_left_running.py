"""Processes that outlive their daemon on purpose, and workers of another user."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from ocf_lib.processes import members, procfs
from tests.unit.conftest import PYTHON, Processes, eventually
from tests.unit.processes.test_members import WAIT, argv_of, find, leader_of, marked, record_of

SPARES = ("dnsmasq", "metadata-proxy")
# Prints its own PID. Then, for each further argument, it runs that program in a child and prints
# the child's PID once the program runs.
PARENT = """
import os, sys, time
os.write(1, b"%d\\n" % os.getpid())
for program in sys.argv[2:]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.execv(program, [program, "600"])
    os.close(writing)
    os.read(reading, 1)  # closed by the exec
    os.write(1, b"%d\\n" % pid)
time.sleep(600)
"""


@pytest.fixture
def programs(tmp_path: Path) -> dict[str, str]:
    """dnsmasq: a program. metadata-proxy: a script. worker: a program that stop must end."""
    made = {word: str(tmp_path / word) for word in (*SPARES, "worker")}
    for word in ("dnsmasq", "worker"):
        shutil.copy2("/bin/sleep", made[word])
    script = Path(made["metadata-proxy"])
    script.write_text(f"#!{PYTHON}\nimport time; time.sleep(600)\n")
    script.chmod(0o755)
    return made


def family(
    processes: Processes, programs: dict[str, str], *words: str, **more: object
) -> tuple[int, list[int]]:
    """Starts a parent with the argument words[0], and for each further word a child. Returns the
    parent's PID and the children's, in that order."""
    paths = [programs[word] for word in words[1:]]
    process, pids = processes.python(PARENT, words[0], *paths, lines=len(words), **more)
    processes.tell(pids)
    assert pids[0] == process.pid
    for pid, word in zip(pids[1:], words[1:]):
        eventually(lambda pid=pid, word=word: word in procfs.programs(pid))
    return pids[0], pids[1:]


KINDS = ("dnsmasq", "metadata-proxy", "worker")


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "record lost"])
def test_spares_are_no_members(
    processes: Processes, name: str, programs: dict[str, str], recorded: bool
) -> None:
    parent, children = family(processes, programs, "x", *KINDS, env=marked(name))
    record = record_of(parent) if recorded else None
    leader = record.leader if record else None
    found = members.find(name, leader, os.getuid(), SPARES)
    assert found.pids == sorted([parent, children[2]])
    assert leader_of(found) == parent
    assert find(name, record).pids == sorted([parent, *children]), "of an agent without spares"
    one = members.find(name, leader, os.getuid(), SPARES[:1])
    assert one.pids == sorted([parent, *children[1:]])


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "record lost"])
def test_spares_that_are_left_are_nothing(
    processes: Processes, name: str, programs: dict[str, str], recorded: bool
) -> None:
    """So stop is done, and a probe reports "not running"."""
    parent, children = family(processes, programs, "x", *KINDS[:2], env=marked(name))
    record = record_of(parent)
    os.kill(parent, signal.SIGKILL)
    eventually(lambda: record.leader.alive() is None)
    assert not members.find(name, record.leader if recorded else None, os.getuid(), SPARES)
    assert find(name).pids == sorted(children)


def test_spares_of_a_daemon_that_somebody_else_started(
    processes: Processes, name: str, unique: str, programs: dict[str, str]
) -> None:
    parent, children = family(processes, programs, unique, *KINDS)
    argv = argv_of(parent)
    assert members.find_foreign(os.getuid(), argv, SPARES).pids == sorted([parent, children[2]])
    assert members.find_foreign(os.getuid(), argv).pids == sorted([parent, *children])


def test_an_agent_is_no_spare_because_of_an_argument(
    processes: Processes, name: str, unique: str
) -> None:
    """Only the program counts: `--with dnsmasq` is just an argument."""
    process, _ = processes.python(WAIT, "dnsmasq", "/etc/dnsmasq", env=marked(name))
    assert process.pid in procfs.scan(SPARES)


def test_what_a_process_runs(
    processes: Processes, tmp_path: Path, programs: dict[str, str]
) -> None:
    process, _ = processes.run(programs["dnsmasq"], "600")
    eventually(lambda: procfs.programs(process.pid) == {"dnsmasq", "600"})
    script, _ = processes.run(programs["metadata-proxy"])
    eventually(lambda: "metadata-proxy" in procfs.programs(script.pid))
    # a process with another argv[0], and then one whose file an upgrade has replaced
    other, _ = processes.run("other", "600", executable=programs["worker"])
    eventually(lambda: procfs.programs(other.pid) == {"other", "600", "worker"})
    Path(programs["worker"]).unlink()
    assert procfs.programs(other.pid) == {"other", "600", "worker"}
    assert procfs.programs(2**22 + 1) <= {""}


# -- workers of another user ---------------------------------------------------------------------

AS_NOBODY = """
import os, time
os.write(1, b"%d\\n" % os.getpid())
if os.fork() == 0:
    os.setgid(65534); os.setuid(65534)
    os.write(1, b"%d\\n" % os.getpid())
time.sleep(600)
"""


@pytest.mark.root
@pytest.mark.parametrize("is_known", [True, False], ids=["declared", "a stranger's"])
def test_a_worker_of_another_user_whose_parent_is_dead(
    processes: Processes, name: str, is_known: bool
) -> None:
    """Apache's workers belong to www-data and outlive their parent. Only declared users count:
    anyone else whose session has the dead leader's number could make a stop fail."""
    env = marked(name)
    workers = [65534] if is_known else []
    parent, (_, worker) = processes.python(AS_NOBODY, lines=2, env=env)
    processes.tell([worker])
    record = record_of(parent.pid)
    assert members.find(name, record.leader, 0).pids == sorted([parent.pid, worker])
    parent.kill()
    eventually(lambda: record.leader.alive() is None)
    left = members.find(name, record.leader, 0, (), workers)
    assert left.pids == ([worker] if is_known else [])
    assert left.leader is None
    assert members.find(name, None, 0, (), workers).pids == left.pids, "without the record, too"
    assert members.find(name + "2", record.leader, 0, (), workers).pids == [], "another's marker"


@pytest.mark.root
def test_a_marker_of_another_user_in_another_session_does_not_count(
    processes: Processes, name: str
) -> None:
    """Anybody can set a marker; only our launch creates the session."""
    ours, _ = processes.python(WAIT, env=marked(name))
    record = record_of(ours.pid)
    nobody = {"user": 65534, "group": 65534, "extra_groups": [], "cwd": "/"}
    processes.python(WAIT, env=marked(name), **nobody)
    assert members.find(name, record.leader, 0).pids == [ours.pid]
    ours.kill()
    ours.wait()  # a dying process loses its executable just before it becomes a zombie
    assert record.leader.alive() is None
    assert not members.find(name, record.leader, 0)
