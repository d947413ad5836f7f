"""Which processes belong to the instance? Small trees of real processes."""

from __future__ import annotations

import os
import signal

import pytest

from ocf_lib.declare.service import Ending
from ocf_lib.processes import members, procfs
from ocf_lib.processes.process import Process, stat
from ocf_lib.processes.procfs import MARKER
from ocf_lib.state.record import Record
from tests.unit.conftest import Processes, eventually

# Prints its own PID. For each word it makes a child that prints its PID and waits: "fork" a plain
# one, "own session" one that has left the session, "daemon" one whose parent has ended.
TREE = """
import os, sys, time
def tell():
    os.write(1, b"%d\\n" % os.getpid())
    time.sleep(600)
    os._exit(0)
os.write(1, b"%d\\n" % os.getpid())
for word in sys.argv[1:]:
    if os.fork() == 0:
        if word == "own session":
            os.setsid()
        if word == "daemon":
            os.setsid()
            between = os.getpid()
            if os.fork() != 0:
                os._exit(0)
            while os.getppid() == between:
                time.sleep(0.001)
        tell()
while True:
    try:
        os.wait()
    except ChildProcessError:
        time.sleep(600)
"""


WAIT = "import os,time; os.write(1, b'%d\\n' % os.getpid()); time.sleep(600)"


def marked(name: str) -> dict[str, str]:
    return {**os.environ, MARKER: name}


def tree(
    processes: Processes, *words: str, env: dict[str, str] | None = None, **more: object
) -> tuple[int, list[int]]:
    """The parent's PID, and the PIDs of the processes that `words` name."""
    process, pids = processes.python(TREE, *words, lines=1 + len(words), env=env, **more)
    processes.tell(pids)
    assert process.pid in pids
    return process.pid, sorted(set(pids) - {process.pid})


def record_of(pid: int) -> Record:
    found = stat(pid)
    assert found is not None
    return Record(Process.of(found), Ending(15, 0))


def find(name: str, record: Record | None = None) -> members.Members:
    return members.find(name, record.leader if record else None, os.getuid())


def foreign(argv: list[str]) -> members.Members:
    return members.find_foreign(os.getuid(), argv)


def leader_of(found: members.Members) -> int | None:
    return found.leader.pid if found.leader is not None else None


def test_nothing_is_nothing(name: str) -> None:
    found = find(name)
    assert not found
    assert (found.leader, found.pids) == (None, [])


KINDS = ["fork", "own session", "daemon"]


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "record lost"])
def test_all_of_a_tree_by_their_marker(processes: Processes, name: str, recorded: bool) -> None:
    parent, others = tree(processes, *KINDS, env=marked(name))
    found = find(name, record_of(parent) if recorded else None)
    assert found.pids == sorted([parent, *others])
    assert leader_of(found) == parent


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_alone_when_the_parent_is_dead(processes: Processes, name: str, kind: str) -> None:
    parent, (worker,) = tree(processes, kind, env=marked(name))
    record = record_of(parent)
    os.kill(parent, signal.SIGKILL)
    eventually(lambda: record.leader.alive() is None)
    for known in (record, None):
        found = find(name, known)
        assert found.pids == [worker]
    assert leader_of(find(name, record)) is None


def test_a_session_and_its_descendants_without_any_marker(processes: Processes, name: str) -> None:
    """A daemon may clear its environment."""
    parent, others = tree(processes, "fork", "own session")
    found = find(name, record_of(parent))
    assert found.pids == sorted([parent, *others])
    assert leader_of(found) == parent


def test_what_is_left_of_a_session_without_marker_or_leader(
    processes: Processes, name: str
) -> None:
    parent, (worker,) = tree(processes, "fork")
    record = record_of(parent)
    os.kill(parent, signal.SIGKILL)
    eventually(lambda: record.leader.alive() is None)
    assert find(name, record).pids == [worker]


def test_a_later_session_of_the_same_number_is_not_taken(processes: Processes, name: str) -> None:
    """The PID was reused by a process that created a session of its own."""
    parent, _ = tree(processes, "fork")
    known = record_of(parent)
    older = Record(Process(parent, known.leader.start - 500, known.leader.uid), Ending(15, 0))
    assert not find(name, older)


def test_another_instances_marker_is_never_taken(processes: Processes, name: str) -> None:
    other = name + "2"
    parent, others = tree(processes, *KINDS, env=marked(other))
    assert not find(name)
    assert not foreign(argv_of(parent))
    assert find(other).pids == sorted([parent, *others])


CHILD_OF_ANOTHER = """
import os, sys, time
os.write(1, b"%d\\n" % os.getpid())
if os.fork() == 0:
    line = [sys.executable, "-I", "-S", "-c", sys.argv[3]]
    os.execve(sys.executable, line, {sys.argv[1]: sys.argv[2]})
time.sleep(600)
"""


def test_another_instances_process_is_not_taken_as_a_descendant(
    processes: Processes, name: str
) -> None:
    """A daemon may start another instance's agent, as a node's init or a shell under test does."""
    process, pids = processes.python(
        CHILD_OF_ANOTHER, MARKER, name + "2", WAIT, lines=2, env=marked(name)
    )
    processes.tell(pids)
    assert find(name).pids == [process.pid]
    assert find(name, record_of(process.pid)).pids == [process.pid]


@pytest.mark.root
def test_a_marker_forged_by_another_user_does_not_count(processes: Processes, name: str) -> None:
    nobody = {"user": 65534, "group": 65534, "extra_groups": [], "cwd": "/"}
    parent, _ = tree(processes, "fork", env=marked(name), **nobody)
    assert not find(name), "root's service has no part that is nobody's"
    assert members.find(name, None, 1).pids == []
    assert parent in members.find(name, None, 65534).pids


@pytest.mark.root
def test_a_worker_of_root_belongs_to_a_service_of_another_user(
    processes: Processes, name: str
) -> None:
    """uwsgi's master and neutron's helpers keep running as root."""
    parent, others = tree(processes, "fork", env=marked(name))
    assert members.find(name, None, 65534).pids == sorted([parent, *others])


@pytest.mark.root
def test_without_the_user_the_marker_is_enough(processes: Processes, name: str) -> None:
    """The package is gone, and with it the user; stop must still end what runs."""
    nobody = {"user": 65534, "group": 65534, "extra_groups": [], "cwd": "/"}
    parent, _ = tree(processes, env=marked(name), **nobody)
    assert members.find(name, None, None).pids == [parent]


def test_zombies_are_no_members(processes: Processes, name: str) -> None:
    parent, _ = tree(processes, env=marked(name))
    os.kill(parent, signal.SIGKILL)

    def is_zombie() -> bool:
        found = stat(parent)
        return found is not None and found.state == "Z"

    eventually(is_zombie)
    assert not find(name)


def test_this_process_is_no_member() -> None:
    assert os.getpid() not in procfs.scan()


# -- daemons that somebody else started --------------------------------------------------------


def argv_of(pid: int) -> list[str]:
    return procfs.command_line(pid)


def test_a_daemon_with_just_this_command_line_is_adopted(
    processes: Processes, name: str, unique: str
) -> None:
    process, _ = processes.python(WAIT, unique)
    argv = argv_of(process.pid)
    assert argv[-1] == unique
    found = foreign(argv)
    assert found.pids == [process.pid]
    assert leader_of(found) == process.pid
    assert not find(name)


def test_behind_an_interpreter_s_name(processes: Processes, name: str, unique: str) -> None:
    """A script's command line starts with its interpreter."""
    process, _ = processes.python(WAIT, unique)
    assert foreign(["-c", WAIT, unique]).pids == [process.pid]


@pytest.mark.parametrize(
    "change",
    [
        lambda argv: argv[:-1],
        lambda argv: [*argv, "--more"],
        lambda argv: [*argv[:-1], argv[-1] + "x"],
        lambda argv: [*argv[:-1], argv[-1][:-1]],
    ],
    ids=["fewer words", "more words", "a longer word", "a shorter word"],
)
def test_another_command_line_is_another_daemon(
    processes: Processes, name: str, unique: str, change
) -> None:
    process, _ = processes.python(WAIT, unique)
    assert process.pid not in foreign(change(argv_of(process.pid))).pids


@pytest.mark.parametrize(
    "title, taken",
    [
        ("demo-agent (/usr/bin/python3 /usr/bin/demo-agent {unique})", True),
        ("/usr/bin/demo-agent {unique}", True),
        ("/usr/bin/python3 /usr/bin/demo-agent {unique} ", True),
        ("demo: master process [/usr/bin/demo-agent {unique}]", True),
        ("tail -f /usr/bin/demo-agent {unique}", False),
        ("vi x/usr/bin/demo-agent {unique}", False),
        ("/usr/bin/demo-agent {unique} --once", False),
    ],
)
def test_titles_that_daemons_write_over_their_command_line(
    processes: Processes, name: str, unique: str, title: str, taken: bool
) -> None:
    line = title.format(unique=unique)
    process, _ = processes.python(RETITLE, line)
    eventually(lambda: argv_of(process.pid) == [line.rstrip()])
    found = foreign(["/usr/bin/demo-agent", unique])
    assert (process.pid in found.pids) is taken


RETITLE = """
import ctypes, os, sys, time
title = sys.argv[1].encode()
words = open("/proc/self/cmdline", "rb").read()
fields = open("/proc/self/stat").read().rpartition(")")[2].split()
begin, end = int(fields[45]), int(fields[46])
assert len(title) < end - begin
ctypes.memset(begin, 0, end - begin)
ctypes.memmove(begin, title, len(title))
os.write(1, b"%d\\n" % os.getpid())
time.sleep(600)
"""


def test_several_without_a_parent_have_no_leader(
    processes: Processes, name: str, unique: str
) -> None:
    one, _ = processes.python(WAIT, unique)
    two, _ = processes.python(WAIT, unique)
    found = foreign(argv_of(one.pid))
    assert found.pids == sorted([one.pid, two.pid])
    assert found.leader is None


def test_a_parent_with_workers_of_the_same_title_is_the_leader(
    processes: Processes, name: str, unique: str
) -> None:
    process, pids = processes.python(TREE, "fork", "fork", unique, lines=4)
    processes.tell(pids)
    found = foreign(argv_of(process.pid))
    assert found.pids == sorted(pids)
    assert leader_of(found) == process.pid


@pytest.mark.root
def test_the_same_command_line_of_another_user_is_not_adopted(
    processes: Processes, name: str, unique: str
) -> None:
    process, _ = processes.python(WAIT, unique, user=65534, group=65534, extra_groups=[], cwd="/")
    argv = argv_of(process.pid)
    assert members.find_foreign(0, argv).pids == []
    assert members.find_foreign(65534, argv).pids == [process.pid]


def test_what_is_shown_of_many() -> None:
    shown = str(members.Members(None, [stat(os.getpid()) or pytest.fail("no stat")] * 9))
    assert shown.startswith(f"9 processes (PID {os.getpid()}, ")
    assert shown.endswith(", ...)")
    assert str(members.Members(None, [stat(1) or pytest.fail("no stat")])) == "1 process (PID 1)"


@pytest.mark.root
def test_a_process_of_a_container_is_not_the_host_s(processes: Processes, name: str) -> None:
    wait = ("/usr/bin/python3", "-I", "-S", "-c", "import time; time.sleep(600)", name + "x")
    words = ("unshare", "--pid", "--fork", "--kill-child")
    ours, _ = processes.run(*words, "env", f"{MARKER}={name}", *wait)
    plain, _ = processes.run(*words, *wait)

    def child_of(pid: int) -> int:
        """The child's PID, 0 until it has become the waiting program."""
        found = [p.pid for p in procfs.scan().values() if p.ppid == pid]
        return found[0] if found and argv_of(found[0]) == list(wait) else 0

    for process in (ours, plain):
        assert not procfs.is_here(int(str(eventually(lambda p=process.pid: child_of(p)))))
        assert procfs.is_here(process.pid)
    assert procfs.read_marker(child_of(ours.pid)) == name
    assert not find(name)
    assert not foreign(list(wait))
