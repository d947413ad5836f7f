"""What a launched daemon gets from us, and what we learn from its output."""

from __future__ import annotations

import os
import pwd
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ocf_lib.declare.service import Program
from ocf_lib.instance import Instance
from ocf_lib.launch import run
from ocf_lib.launch.command import Command
from ocf_lib.log import Log
from ocf_lib.outcomes import Failed, NotInstalled
from ocf_lib.processes.process import stat
from ocf_lib.processes.procfs import MARKER
from ocf_lib.state import lock
from tests.unit.conftest import RUNTIME, demo, eventually

Make = Callable[..., Instance]
DEMO = Program("demo-daemon")


def me() -> pwd.struct_passwd:
    return pwd.getpwuid(os.getuid())


def quiet() -> Log:
    return Log({"HA_LOGFACILITY": "none"}, "demo", "test")


def launch(instance: Instance, *argv: str, logs: tuple[str, ...] = ()) -> run.Daemon:
    return run.launch(instance, Command(list(argv), {}, list(logs), DEMO, DEMO.reloading), quiet())


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "daemon.log"


def test_the_environment_is_the_usual_one_and_nothing_of_ours(
    instance_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OCF_RESKEY_os_password", "HA_RSCTMP", "PCMK_logfile", "LS_COLORS", "PYTHONPATH"):
        monkeypatch.setenv(name, "sesame")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("LANG", raising=False)
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LC_CTYPE", raising=False)
    instance = instance_of()
    found = run.environment(
        instance.name, Command([], {"CONFIG": "x"}, [], DEMO, DEMO.reloading), me()
    )
    assert found == {
        "PATH": run.PATH,
        "HOME": me().pw_dir,
        "USER": me().pw_name,
        "LOGNAME": me().pw_name,
        "SHELL": "/bin/sh",
        "TZ": "UTC",
        "CONFIG": "x",
        MARKER: instance.name,
    }


def test_the_log_s_name_is_the_instance_s(instance_of: Make) -> None:
    assert run.log_path(instance_of()) == "/var/log/demo-of-ocf-lib/p_demo.log"
    assert run.log_path(instance_of(name="../p")) == "/var/log/demo-of-ocf-lib/.._p.log"
    assert run.log_path(instance_of(log_file="/x/y.log")) == "/x/y.log"


@pytest.mark.root
def test_a_daemon_has_a_session_a_log_and_no_descriptor_of_ours(
    instance_of: Make, output: Path
) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    instance = instance_of(log_file=output, user="root")
    line = "ls -l /proc/self/fd; umask; pwd; ps -o sid= -p $$; echo $$"
    try:
        daemon = launch(instance, "/bin/sh", "-c", line)
        eventually(lambda: daemon.process.ended() == "exited with 0")
    finally:
        os.close(reading)
        os.close(writing)
    text = output.read_text()
    assert "pipe:" not in text
    umask, folder, session, pid = text.split("\n")[-5:-1]
    assert umask == "0022"
    assert folder == me().pw_dir
    assert int(session) == int(pid) == daemon.process.pid


@pytest.mark.root
@pytest.mark.parametrize(
    "line, how, words",
    [
        ("echo one; echo two; exit 3", "exited with 3", "two"),
        ("echo said >&2; kill -9 $$", "was ended by signal 9 (SIGKILL)", "said"),
        ("echo last; echo; echo '  '; exit 1", "exited with 1", "last"),
        ("printf 'no line break'; exit 1", "exited with 1", "no line break"),
        ("exit 1", "exited with 1", ""),
        ("head -c 100000 /dev/zero; echo; echo end; exit 1", "exited with 1", "end"),
    ],
)
def test_how_it_ended_and_what_it_said_last(
    instance_of: Make, output: Path, line: str, how: str, words: str
) -> None:
    output.write_text("of a former run\n")
    daemon = launch(instance_of(log_file=output, user="root"), "/bin/sh", "-c", line)
    assert eventually(daemon.process.ended) == how
    assert daemon.last_words() == words


@pytest.mark.root
def test_last_words_in_a_log_that_the_daemon_writes_itself(
    instance_of: Make, output: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.log"
    line = f"echo mine > {own}; exit 1"
    daemon = launch(
        instance_of(log_file=output, user="root"), "/bin/sh", "-c", line, logs=(str(own),)
    )
    eventually(daemon.process.ended)
    assert daemon.last_words() == "mine"


@pytest.mark.root
def test_a_log_that_cannot_be_opened_has_a_spare(instance_of: Make, tmp_path: Path) -> None:
    instance = instance_of(log_file="/nonexistent/folder/x.log", user="root")
    Path(instance.folder).mkdir(0o700, parents=True)
    daemon = launch(instance, "/bin/sh", "-c", "echo words; exit 1")
    eventually(daemon.process.ended)
    assert Path(instance.file("log")).read_text() == "words\n"


@pytest.mark.root
def test_what_cannot_be_run(instance_of: Make, output: Path, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/nonexistent/interpreter\n")
    program.chmod(0o755)
    instance = instance_of(log_file=output, user="root")
    with pytest.raises(Failed, match="could not be run"):
        launch(instance, str(program))
    with pytest.raises(NotInstalled, match="user no-such-user does not exist"):
        launch(instance_of(log_file=output, user="no-such-user"), "/bin/true")


@pytest.mark.root
def test_it_runs_as_the_user_with_all_its_groups(instance_of: Make, output: Path) -> None:
    daemon = launch(instance_of(log_file=output, user="nobody"), "/bin/sleep", "60")
    try:
        status = Path(f"/proc/{daemon.process.pid}/status").read_text()
        lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        user = pwd.getpwnam("nobody")
        assert set(lines["Uid"].split()) == {str(user.pw_uid)}
        assert set(lines["Gid"].split()) == {str(user.pw_gid)}
        groups = os.getgrouplist("nobody", user.pw_gid)
        assert sorted(map(int, lines["Groups"].split())) == sorted(groups)
        assert stat(daemon.process.pid) is not None
    finally:
        os.kill(daemon.process.pid, signal.SIGKILL)
        eventually(daemon.process.ended)


def test_one_action_at_a_time(instance_of: Make) -> None:
    instance, other = instance_of().file("lock"), instance_of(name="p_other").file("lock")
    with lock.held(instance, time.monotonic()) as first:
        assert first
        began = time.monotonic()
        with lock.held(instance, time.monotonic() + 0.1) as second:
            assert not second
        assert 0.09 < time.monotonic() - began < 5
        with lock.held(other, time.monotonic()) as apart:
            assert apart
    with lock.held(instance, time.monotonic()) as again:
        assert again


def test_no_lock_where_there_is_no_folder(instance_of: Make, tmp_path: Path) -> None:
    (tmp_path / "rsctmp").write_text("in the way")
    with lock.held(instance_of().file("lock"), time.monotonic() + 60) as locked:
        assert not locked


@pytest.mark.parametrize(("callers", "daemons"), [("-500", "0"), ("0", "0"), ("300", "300")])
def test_the_oom_killer_does_not_spare_a_daemon_as_it_does_pacemaker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, callers: str, daemons: str
) -> None:
    score = tmp_path / "oom_score_adj"
    score.write_text(callers + "\n")
    monkeypatch.setattr(run, "OOM_SCORE", str(score))
    run.lift_limits()
    # a write to the kernel's file replaces the whole value
    assert score.read_text().splitlines()[0].startswith(daemons)


@pytest.mark.root
@pytest.mark.parametrize("parent", RUNTIME)
def test_folders_that_the_package_s_unit_would_make(
    instance_of: Make, output: Path, parent: str
) -> None:
    folder = Path(parent, "demo-of-ocf-lib")
    if folder.exists():
        folder.rmdir()
    user = pwd.getpwnam("nobody")

    def run_as(name: str) -> tuple[int, int, int]:
        daemon = launch(instance_of(log_file=output, user=name), "/bin/true")
        eventually(daemon.process.ended)
        facts = folder.stat()
        return facts.st_uid, facts.st_gid, facts.st_mode & 0o7777

    output.touch()
    os.chown(output, user.pw_uid, user.pw_gid)
    assert run_as("nobody") == (user.pw_uid, user.pw_gid, 0o755)
    folder.chmod(0o750)
    again = run_as("root")
    if parent == "/run/lock":
        assert again == (0, 0, 0o755), "anybody could have made it: it is taken from a stranger"
    else:
        assert again == (user.pw_uid, user.pw_gid, 0o750), "one that is there is left alone"


@pytest.mark.root
def test_a_launch_without_these_folders(instance_of: Make, output: Path) -> None:
    """If they cannot be made, the launch goes on: the daemon has to cope without them."""
    service = demo(project="nonexistent/demo")
    instance = instance_of(service, log_file=output, user="root")
    daemon = launch(instance, "/bin/true")
    eventually(lambda: daemon.process.ended() == "exited with 0")
