"""start: 0 once the service is usable, an error as soon as it cannot be (contract 11 to 14)."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from tests import pace
from tests.faults.rig import Rig, wait_until

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("witnesses")]

ENDLESS = Path("/dev/full")


def test_a_started_service_answers(rig: Rig) -> None:
    rig.start()
    assert len(rig.pids) == 3
    assert rig.probe().code == 0


def test_a_second_start_changes_nothing(running: Rig) -> None:
    before = running.pids
    assert running.caller("start").code == 0
    assert running.pids == before
    assert running.count("born parent") == 1


def test_two_starts_at_once_make_one_daemon(rig: Rig) -> None:
    both = [rig.spawn("start"), rig.spawn("start")]
    for child in both:
        child.communicate(timeout=pace.seconds(20))
    assert [child.returncode for child in both] == [0, 0]
    assert rig.count("born parent") == 1


def test_extra_words_are_ignored(rig: Rig) -> None:
    assert rig.caller("start these words mean nothing").code == 0


# --- a daemon that dies (contract 12, predecessor 7)


def test_a_daemon_that_dies_at_once_is_an_error_at_once(rig: Rig) -> None:
    rig.set(words="first line\\nAddress already in use", die=3)
    result = rig.caller("start")
    assert result.code == 1
    assert pace.is_within(result.seconds, 2)
    assert "exited with 3" in result.reason
    assert "Address already in use" in result.reason
    assert "first line" not in result.reason


def test_the_last_words_fit_into_what_pacemaker_keeps(rig: Rig) -> None:
    rig.set(words="sqlite3.OperationalError: unable to open database file", die=1)
    kept = rig.caller("start").reason.encode()[:128]
    assert b"sqlite3.OperationalError: unable to open database file" in kept


def test_a_daemon_that_dies_without_a_word_is_an_error_too(rig: Rig) -> None:
    rig.set(die=1)
    result = rig.caller("start")
    assert result.code == 1
    assert "exited with 1" in result.reason


def test_a_daemon_that_is_killed_is_an_error_that_names_the_signal(rig: Rig) -> None:
    rig.set(die_by_signal=int(signal.SIGKILL))
    result = rig.caller("start")
    assert result.code == 1
    assert pace.is_within(result.seconds, 2)
    assert "signal 9" in result.reason


def test_words_of_a_former_run_are_not_its_last_words(rig: Rig) -> None:
    rig.log_file.write_text("words of yesterday\n")
    os.chown(rig.log_file, rig.account.pw_uid, rig.account.pw_gid)
    rig.set(die=1)
    assert "yesterday" not in rig.caller("start").reason


def test_a_daemon_that_dies_while_it_loads_ends_the_wait(rig: Rig) -> None:
    rig.set(listen="never", die_after=1)
    result = rig.caller("start")
    assert result.code == 1
    assert pace.is_within(result.seconds, 4)
    assert "exited with 9" in result.reason


def test_a_daemon_that_dies_while_it_hangs_ends_the_wait(rig: Rig) -> None:
    rig.set(mode="hang", die_after=1, orphans="yes")
    result = rig.caller("start", api_timeout=10)
    assert result.code == 1
    assert pace.is_within(result.seconds, 4)
    assert "exited with 9" in result.reason


def test_a_parent_that_leaves_its_workers_alone_is_an_error(rig: Rig) -> None:
    rig.set(abandon="yes", orphans="yes")
    result = rig.caller("start")
    assert result.code == 1
    assert "exited with 0" in result.reason
    rig.stop()


@pytest.mark.parametrize("password", ["s3cret", "two  blanks", 'quo"te\\', "pässwörd", "a%b$c"])
def test_a_password_among_the_last_words_is_masked(rig: Rig, password: str) -> None:
    rig.give_credentials(os_password=password)
    rig.set(words=f"cannot log in with {password} to the database", die=1)
    result = rig.caller("start")
    assert result.code == 1
    assert "cannot log in with" in result.reason
    for text in (result.err, result.out, rig.agent_log):
        assert password not in text
        assert " ".join(password.split()) not in text


# --- a daemon that is slow, or never usable


def test_a_daemon_without_a_socket_is_an_error_within_the_timeout(rig: Rig) -> None:
    rig.set(listen="never")
    result = rig.caller("start", timeout=12)
    assert result.code == 1
    assert result.is_in_time
    assert result.reason.startswith("it listens on no TCP port")
    rig.stop()


@pytest.mark.parametrize("late", ["listen_after", "answer_after"])
def test_start_waits_for_a_slow_daemon_and_no_longer(rig: Rig, late: str) -> None:
    rig.set(**{late: 2})
    result = rig.start()
    assert result.seconds >= 2 and pace.is_within(result.seconds, 4)
    assert rig.count("request GET /") >= 1


def test_start_outlasts_a_request_that_is_never_answered(rig: Rig) -> None:
    """uwsgi binds before its application loads, so early requests hang."""
    rig.set(answer_after=3)
    rig.parameters["api_timeout"] = "1"
    rig.start()


@pytest.mark.parametrize("mode", ["500", "hang", "garbage", "reset"])
def test_a_daemon_that_never_answers_well_is_an_error_within_the_timeout(
    rig: Rig, mode: str
) -> None:
    rig.set(mode=mode)
    result = rig.caller("start", timeout=12, api_timeout=1)
    assert result.code == 1
    assert result.is_in_time
    assert str(rig.port) in result.reason
    rig.stop()


def test_a_daemon_that_listens_is_not_called_silent_where_time_is_short(rig: Rig) -> None:
    """The timeout cuts off the only request."""
    rig.set(mode="hang").run_by_hand()
    wait_until(lambda: len(rig.pids) == 3, "it runs")
    result = rig.caller("start", timeout=8, api_timeout=60)
    assert result.code == 1
    assert result.reason.startswith(f"API http://127.0.0.1:{rig.port}/ did not answer")
    rig.stop()


def test_start_waits_until_errors_are_over(rig: Rig) -> None:
    rig.set(mode="500")
    child = rig.spawn("start")
    wait_until(lambda: rig.count("request GET /") >= 2, "start asked twice")
    assert child.poll() is None
    rig.set(mode="ok")
    child.communicate(timeout=pace.seconds(20))
    assert child.returncode == 0


@pytest.mark.parametrize("mode", ["401", "404", "nolength"])
def test_an_answer_that_is_no_server_error_is_a_usable_service(rig: Rig, mode: str) -> None:
    rig.set(mode=mode)
    rig.start()


def test_credentials_that_are_refused_do_not_fail_a_start(rig: Rig) -> None:
    """By default, one failed start bans the resource from the node (contract 14)."""
    rig.give_credentials(os_password="wrong")
    rig.start()


def test_start_adopts_a_daemon_that_somebody_else_started(rig: Rig) -> None:
    child = rig.run_by_hand()
    wait_until(lambda: len(rig.pids) == 3, "it runs")
    rig.start()
    assert rig.count("born parent") == 1
    assert rig.probe().code == 0
    rig.stop()
    assert child.wait(pace.seconds(5)) is not None


def test_orphaned_workers_fail_a_start_that_says_so(rig: Rig) -> None:
    """A second daemon of glance or swift starts beside orphans, and both answer."""
    rig.set(orphans="yes")
    rig.start()
    rig.parent.kill()
    wait_until(lambda: len(rig.pids) == 2, "the parent is gone")
    result = rig.caller("start")
    assert result.code == 1
    assert "parent process is gone" in result.reason
    assert "stop" in result.reason
    assert len(rig.pids) == 2
    rig.stop()
    rig.start()


# --- after a killed start (contract 13, predecessor 8)


@pytest.mark.parametrize("milliseconds", range(0, 400, 40))
def test_stop_cleans_up_after_a_start_that_was_killed(rig: Rig, milliseconds: int) -> None:
    """After a timeout, Pacemaker sends SIGKILL to the process group of start, at any moment."""
    rig.set(listen_after=0.1)
    child = rig.spawn("start")
    try:
        child.wait(milliseconds / 1000)
    except Exception:  # noqa: BLE001 - start still runs, as intended
        os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
    rig.stop()
    assert rig.probe().code == 7


def test_a_daemon_whose_start_was_killed_is_known(rig: Rig) -> None:
    rig.set(listen="never")
    child = rig.spawn("start")
    wait_until(lambda: rig.count("born worker") == 2, "it runs")
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
    assert len(rig.pids) == 3
    assert rig.probe().code == 1
    rig.stop()


def test_a_daemon_is_recorded_before_it_is_waited_for(rig: Rig) -> None:
    rig.set(listen="never")
    rig.spawn("start")
    wait_until(rig.file("record").exists, "there is a record")
    wait_until(lambda: rig.born("parent"), "it runs")
    assert f"pid={rig.born('parent')[0]}\n" in rig.file("record").read_text()


def test_stop_during_a_start_ends_all(rig: Rig) -> None:
    rig.set(listen="never")
    child = rig.spawn("start")
    wait_until(lambda: rig.count("born worker") == 2, "it runs")
    assert rig.caller("stop", timeout=6).code == 0
    child.communicate(timeout=pace.seconds(5))
    assert child.returncode == 1
    assert rig.processes() == []


# --- missing or wrong on this host


@pytest.mark.parametrize(
    ("parameter", "value", "code"),
    [
        ("binary", "/nowhere/keystone", 5),
        ("binary", "no-such-keystone", 5),
        ("config", "/nowhere/keystone.conf", 2),
        ("user", "no-such-user", 5),
        ("config", "keystone.conf", 6),
        ("api_timeout", "soon", 6),
        ("url", "127.0.0.1:5000", 6),
        ("additional_parameters", "an 'open quote", 6),
    ],
)
def test_start_says_which_parameter_is_wrong(
    rig: Rig, parameter: str, value: str, code: int
) -> None:
    rig.parameters[parameter] = value
    result = rig.caller("start")
    assert result.code == code
    assert parameter in result.reason
    assert rig.journal == []


def test_a_program_that_cannot_be_run_is_an_error(rig: Rig) -> None:
    rig.binary.write_bytes(b"\x7fELF is not what follows")
    result = rig.caller("start")
    assert result.code == 1
    assert str(rig.binary) in result.reason


def test_start_does_without_a_state_folder(rig: Rig) -> None:
    rig.caller.rsctmp.write_text("a file where the folder belongs")
    rig.start()
    assert rig.probe().code == 0
    assert rig.caller("start").code == 0
    assert rig.count("born parent") == 1
    rig.stop()
    assert rig.probe().code == 7


def test_start_does_with_a_full_disk_for_its_log(rig: Rig) -> None:
    rig.caller.log.symlink_to(ENDLESS)
    rig.start()


def test_start_makes_its_state_folder(rig: Rig) -> None:
    rig.caller.rsctmp = rig.folder / "not" / "there" / "yet"
    rig.start()
    assert rig.file("record").stat().st_mode & 0o777 == 0o600
    assert rig.file("record").parent.stat().st_mode & 0o777 == 0o700


def test_the_pid_file_is_for_others_to_read(rig: Rig) -> None:
    rig.start()
    assert rig.pid_file.read_text() == f"{rig.parent.pid}\n"
    assert rig.pid_file.stat().st_mode & 0o777 == 0o644
    rig.stop()
    assert not rig.pid_file.exists()


def test_a_second_start_repairs_the_record(running: Rig) -> None:
    running.lose_state()
    assert running.caller("start").code == 0
    assert f"pid={running.parent.pid}\n" in running.file("record").read_text()
    assert psutil.Process(running.parent.pid).is_running()
