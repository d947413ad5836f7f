"""Which processes belong to an instance: no PID file, port or name decides that (predecessors 3,
12)."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import psutil
import pytest

from ocf_lib.processes.procfs import MARKER
from tests import pace
from tests.faults.rig import STRANGER, Rig, wait_until

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("witnesses")]


@pytest.fixture
def impostors(rig: Rig) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Makes processes that resemble the daemon in some way; all must survive."""
    made: list[subprocess.Popen[bytes]] = []

    def make(user: str, name: str = "cat", **environment: str) -> subprocess.Popen[bytes]:
        made.append(
            subprocess.Popen(
                [name],
                executable="/usr/bin/cat",
                stdin=subprocess.PIPE,
                user=user,
                cwd="/",
                env={"PATH": "/usr/bin", **environment},
                start_new_session=True,
            )
        )
        return made[-1]

    yield make
    codes = [child.poll() for child in made]
    for child in made:
        child.kill()
        child.communicate()
    assert codes == [None] * len(made), "a stranger was ended"


def test_a_pid_file_that_names_a_stranger_fools_nobody(
    rig: Rig, stranger: subprocess.Popen[bytes], bystander: subprocess.Popen[bytes]
) -> None:
    rig.caller.rsctmp.mkdir()
    for process in (stranger, bystander):
        rig.pid_file.write_text(f"{process.pid}\n")
        assert rig.probe().code == 7
        assert rig.caller("stop").code == 0
        assert process.poll() is None
    rig.start()
    assert rig.probe().code == 0


def test_a_pid_file_forged_while_the_daemon_runs_fools_nobody(
    rig: Rig, bystander: subprocess.Popen[bytes]
) -> None:
    """The parameter pid may name a file that the service's user can write."""
    rig.parameters["pid"] = str(rig.logs / "daemon.pid")
    rig.start()
    (rig.logs / "daemon.pid").write_text(f"{bystander.pid}\n")
    assert rig.monitor().code == 0
    rig.stop()
    assert bystander.poll() is None
    assert (rig.logs / "daemon.pid").exists()  # the agent's content is gone, so the file stays


@pytest.mark.parametrize("text", ["", "0", "1", "-1", "99999999", "no number", "\0" * 100])
def test_nonsense_in_the_pid_file_does_nothing(running: Rig, text: str) -> None:
    running.pid_file.write_text(text)
    assert running.monitor(0).code == 0
    running.stop()


def test_a_pid_that_was_given_to_another_process_is_not_the_daemon(
    running: Rig, bystander: subprocess.Popen[bytes]
) -> None:
    """The record is old: another process has its PID now."""
    record = running.file("record").read_text()
    parent = running.parent.pid
    running.stop()
    running.file("record").write_text(record.replace(f"pid={parent}", f"pid={bystander.pid}"))
    assert running.probe().code == 7
    assert running.caller("stop").code == 0
    assert bystander.poll() is None


def test_a_pid_that_was_given_to_the_same_program_of_the_same_user_is_not_the_daemon(
    make_rig: Callable[..., Rig],
) -> None:
    """Only the start time distinguishes the two processes."""
    old, new = make_rig(), make_rig()
    old.start()
    record, parent = old.file("record").read_text(), old.parent.pid
    old.stop()
    new.start()
    record = record.replace(f"pid={parent}\n", f"pid={new.parent.pid}\n")
    lines = [line for line in record.splitlines() if not line.startswith("start=")]
    old.file("record").write_text("\n".join([*lines, "start=4711"]) + "\n")
    assert old.probe().code == 7
    assert old.caller("stop").code == 0
    assert len(new.pids) == 3


def test_a_wrong_record_does_not_hide_the_daemon(
    running: Rig, bystander: subprocess.Popen[bytes]
) -> None:
    """In case of doubt 1, which causes a stop and a start; never 7, which would cause a second copy
    on another node."""
    text = running.file("record").read_text()
    text = text.replace(f"pid={running.parent.pid}", f"pid={bystander.pid}")
    running.file("record").write_text(text)
    assert running.probe().code in (0, 1)
    assert running.caller("start").code in (0, 1)
    assert running.count("born parent") == 1
    running.stop()
    assert bystander.poll() is None


# --- other instances


def test_instances_do_not_see_each_other(make_rig: Callable[..., Rig]) -> None:
    one, other = make_rig(), make_rig()
    one.start()
    assert other.probe().code == 7
    assert other.caller("stop").code == 0
    assert len(one.pids) == 3
    other.start()
    assert one.monitor().code == 0
    one.stop()
    assert len(other.pids) == 3
    assert other.monitor().code == 0


def test_instances_do_not_see_each_other_without_their_records(
    make_rig: Callable[..., Rig],
) -> None:
    one, other = make_rig(), make_rig()
    other.caller.rsctmp = one.caller.rsctmp
    one.start()
    other.start()
    one.lose_state()
    one.stop()
    assert len(other.pids) == 3
    assert other.monitor().code == 0


def test_a_record_that_was_copied_from_another_instance_ends_nothing_of_it(
    make_rig: Callable[..., Rig],
) -> None:
    one, other = make_rig(), make_rig()
    one.start()
    other.file("record").parent.mkdir(0o700, parents=True)
    other.file("record").write_text(one.file("record").read_text())
    other.start()
    assert other.monitor().code == 0
    other.file("record").write_text(one.file("record").read_text())
    other.stop()
    assert len(one.pids) == 3
    assert one.monitor().code == 0


def test_an_instance_with_the_same_configuration_is_not_adopted(running: Rig) -> None:
    name = running.caller.instance
    running.caller.instance = name + "-2"
    assert running.probe().code == 7
    result = running.caller("start")
    assert result.code == 1  # the port is taken
    assert "in use" in result.reason
    assert running.caller("stop").code == 0
    running.caller.instance = name
    assert running.monitor().code == 0


def test_names_that_begin_alike_are_different(make_rig: Callable[..., Rig]) -> None:
    short = make_rig()
    long = make_rig(short.caller.instance + "1")
    long.start()
    assert short.probe().code == 7
    assert short.caller("stop").code == 0
    assert len(long.pids) == 3


# --- impostors


def test_the_marker_of_another_user_means_nothing(
    rig: Rig, impostors: Callable[..., subprocess.Popen[bytes]]
) -> None:
    impostors(STRANGER, **{MARKER: f"keystone/{rig.caller.instance}"})
    assert rig.probe().code == 7
    assert rig.caller("stop").code == 0
    rig.start()
    rig.stop()


def test_the_command_line_of_another_user_means_nothing(
    rig: Rig, impostors: Callable[..., subprocess.Popen[bytes]]
) -> None:
    impostors(STRANGER, f"{rig.binary} --config-file={rig.config}")
    assert rig.probe().code == 7
    assert rig.caller("stop").code == 0
    rig.start()
    assert rig.count("born parent") == 1


@pytest.mark.parametrize("form", ["{}.old", "{} --more", "x{}", "{}/", "'{}'"])
def test_a_command_line_that_is_merely_like_it_means_nothing(
    rig: Rig, impostors: Callable[..., subprocess.Popen[bytes]], form: str
) -> None:
    impostors(rig.user, form.format(f"{rig.binary} --config-file={rig.config}"))
    assert rig.probe().code == 7
    assert rig.caller("stop").code == 0


def test_the_marker_of_another_instance_keeps_it_from_being_taken(
    rig: Rig, impostors: Callable[..., subprocess.Popen[bytes]]
) -> None:
    line = f"{rig.binary} --config-file={rig.config}"
    impostors(rig.user, line, **{MARKER: f"keystone/{rig.caller.instance}-2"})
    assert rig.probe().code == 7
    assert rig.caller("stop").code == 0


def test_variables_that_hold_the_marker_mean_nothing(
    rig: Rig, impostors: Callable[..., subprocess.Popen[bytes]]
) -> None:
    name = f"keystone/{rig.caller.instance}"
    impostors(rig.user, NOTE=f"{MARKER}={name}", **{"X" + MARKER: name, MARKER + "X": name})
    assert rig.probe().code == 7
    assert rig.caller("stop").code == 0


def test_a_daemon_of_an_init_script_is_seen_and_stopped(rig: Rig) -> None:
    """If the probe returned 7, Pacemaker would start a second copy."""
    child = rig.run_by_hand()
    wait_until(lambda: len(rig.pids) == 3, "it runs")
    assert rig.probe(level=0).code == 0
    wait_until(lambda: rig.probe().code == 0, "it answers")
    rig.stop()
    child.wait(pace.seconds(5))


def test_a_daemon_of_an_init_script_with_other_arguments_is_none_of_ours(rig: Rig) -> None:
    rig.run_by_hand("--something=else")
    wait_until(lambda: len(rig.pids) == 3, "it runs")
    assert rig.probe().code == 7
    assert rig.caller("stop").code == 0
    assert len(rig.pids) == 3


def test_orphans_of_an_init_script_s_daemon_are_1(rig: Rig) -> None:
    rig.set(orphans="yes")
    child = rig.run_by_hand()
    wait_until(lambda: len(rig.pids) == 3, "it runs")
    child.kill()
    child.wait()
    assert rig.probe().code == 1
    assert rig.caller("start").code == 1
    rig.stop()


# --- a lost state folder (predecessor 8)


def test_a_lost_state_folder_makes_no_second_copy(running: Rig) -> None:
    before = running.pids
    running.lose_state()
    assert running.probe().code == 0
    assert running.monitor(20).code == 0
    assert running.caller("start").code == 0
    assert running.pids == before
    running.lose_state()
    running.stop()


def test_a_daemon_that_died_with_its_state_is_7(running: Rig) -> None:
    running.lose_state()
    running.parent.kill()
    wait_until(lambda: running.pids == [], "it is dead")
    assert running.probe().code == 7


def test_state_from_before_a_boot_means_nothing(running: Rig) -> None:
    """If HA_RSCTMP is on a disk, the record survives a boot."""
    record = running.file("record").read_text()
    running.stop()
    lines = [line for line in record.splitlines() if not line.startswith(("pid=", "start="))]
    me = psutil.Process()
    running.file("record").write_text("\n".join([f"pid={me.pid}", "start=1", *lines]) + "\n")
    assert running.probe().code == 7
    running.start()
    assert running.count("born parent") == 2
