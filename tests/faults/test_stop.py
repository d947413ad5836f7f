"""stop: 0 and no process left, whatever the state of the host (contract 15 to 18, predecessors 1,
5, 6)."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests import pace
from tests.calling import granted
from tests.faults.aftermath import check_stopped
from tests.faults.rig import Rig, wait_until

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("witnesses")]


def test_an_instance_that_never_ran_is_stopped_already(rig: Rig) -> None:
    assert rig.caller("stop").code == 0


def test_a_second_stop_is_0(running: Rig) -> None:
    running.stop()
    running.stop()


def test_two_stops_at_once_are_both_0(running: Rig) -> None:
    both = [running.spawn("stop"), running.spawn("stop")]
    for child in both:
        child.communicate(timeout=pace.seconds(20))
    assert [child.returncode for child in both] == [0, 0]
    assert running.processes() == []


def test_stop_asks_before_it_kills(running: Rig) -> None:
    running.stop()
    assert running.journal.count("signal SIGTERM parent") == 1
    assert running.count("signal SIGTERM worker") == 2


def test_stop_waits_for_an_orderly_end(rig: Rig) -> None:
    rig.set(linger=1.5)
    rig.start()
    result = rig.stop()
    assert result.seconds > 1.4 and pace.is_within(result.seconds, 4)


def test_the_port_is_free_after_stop(running: Rig) -> None:
    running.stop()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", running.port))
    running.start()


def test_no_state_is_left(running: Rig) -> None:
    running.give_credentials()
    assert running.monitor().code == 0
    assert running.token_file.exists()
    running.stop()
    left = [f.name for f in running.file("record").parent.iterdir() if f.suffix != ".lock"]
    assert left == [running.token_file.name], "the token is for all resources with this account"
    assert [f.name for f in running.caller.rsctmp.iterdir()] == ["openstack"]


# --- the host has changed since start (contract 16, predecessor 1)


def lose_binary(rig: Rig) -> None:
    rig.binary.unlink()


def lose_config(rig: Rig) -> None:
    rig.config.unlink()


def lose_parameters(rig: Rig) -> None:
    rig.parameters.clear()


def lose_secrets(rig: Rig) -> None:
    """Pacemaker calls stop even if it cannot read a secret of the CIB (contract 18)."""
    rig.parameters.pop("os_password", None)


def lose_state(rig: Rig) -> None:
    rig.lose_state()


def lose_log(rig: Rig) -> None:
    shutil.rmtree(rig.logs)


def break_user(rig: Rig) -> None:
    rig.parameters["user"] = "no-such-user"


def break_parameters(rig: Rig) -> None:
    rig.parameters.update(
        config="relative",
        url="nonsense://",
        api_timeout="never",
        pid="x",
        insecure="perhaps",
        additional_parameters="'",
        log_file="nowhere",
        os_auth_url="no url",
        os_interface="sideways",
    )


def make_state_unusable(rig: Rig) -> None:
    rig.lose_state()
    rig.caller.rsctmp.write_text("")


def lose_record(rig: Rig) -> None:
    rig.file("record").unlink()


def garble_record(rig: Rig) -> None:
    rig.file("record").write_bytes(b"\xff\0pid=1\nstart=\n=\npid=-1")


def empty_record(rig: Rig) -> None:
    rig.file("record").write_text("")


LOSSES = [
    lose_binary,
    lose_config,
    lose_parameters,
    lose_secrets,
    lose_state,
    lose_log,
    break_user,
    break_parameters,
    make_state_unusable,
    lose_record,
    garble_record,
    empty_record,
]


@pytest.mark.parametrize("lose", LOSSES)
def test_stop_ends_a_daemon_in_spite_of(running: Rig, lose: Callable[[Rig], None]) -> None:
    lose(running)
    assert running.caller("stop").code == 0
    assert running.processes() == []


@pytest.mark.parametrize("lose", LOSSES)
def test_stop_of_what_is_stopped_is_0_in_spite_of(
    running: Rig, lose: Callable[[Rig], None]
) -> None:
    running.stop()
    running.file("record").touch()
    lose(running)
    assert running.caller("stop").code == 0


def test_stop_ends_a_daemon_when_everything_is_lost_at_once(running: Rig) -> None:
    for lose in (lose_binary, lose_config, lose_log, lose_state):
        lose(running)
    running.stop()


def test_stop_ends_a_daemon_whose_user_was_deleted(running: Rig) -> None:
    kept = [
        line
        for line in Path("/etc/passwd").read_text().splitlines(keepends=True)
        if not line.startswith(running.user + ":")
    ]
    passwd = running.folder / "passwd"
    passwd.write_text("".join(kept))
    passwd.chmod(0o644)
    result = running.call_with("stop", {"/etc/passwd": passwd})
    assert result.code == 0, result
    assert running.processes() == []


# --- processes that are hard to end (contract 17, predecessors 5, 6)


@pytest.mark.parametrize("who", ["parent", "worker", "parent worker"])
def test_what_ignores_term_is_killed_within_the_timeout(rig: Rig, who: str) -> None:
    rig.set(ignore=who)
    rig.start()
    check_stopped(rig, rig.stop(timeout=5), within=None)


def test_a_stop_that_was_held_up_past_its_end_kills_all_the_same(rig: Rig) -> None:
    """The host was too busy to run it. SIGKILL was not sent yet, so nothing has outlived it."""
    rig.set(ignore="parent worker")
    rig.start()
    stopping = rig.spawn("stop", timeout=4)
    wait_until(lambda: "signal SIGTERM parent" in rig.journal, "it has asked")
    os.kill(stopping.pid, signal.SIGSTOP)
    time.sleep(granted(4) + 1)
    os.kill(stopping.pid, signal.SIGCONT)
    _, said = stopping.communicate(timeout=pace.seconds(20))
    assert stopping.returncode == 0, said
    assert rig.processes() == []


def test_a_short_timeout_is_kept(rig: Rig) -> None:
    rig.set(ignore="parent worker")
    rig.start()
    assert rig.stop(timeout=2).is_in_time


@pytest.mark.parametrize("timeout", ["", "0", "-5000", "soon", "20s", "1e3", "²"])
def test_an_odd_timeout_is_taken_as_none(running: Rig, timeout: str) -> None:
    result = running.caller("stop", extra={"OCF_RESKEY_CRM_meta_timeout": timeout})
    assert result.code == 0, result
    assert running.processes() == []


def test_a_daemon_that_replaces_its_workers_ends(rig: Rig) -> None:
    rig.set(respawn="yes", ignore="parent")
    rig.start()
    check_stopped(rig, rig.stop(timeout=5), within=None)


@pytest.mark.parametrize("way", ["sessions", "double_fork"])
def test_workers_that_left_the_session_end(rig: Rig, way: str) -> None:
    rig.set(**{way: "yes"}, orphans="yes")
    rig.start()
    check_stopped(rig, rig.stop(timeout=60))


def test_workers_that_left_their_session_and_their_parent_end(rig: Rig) -> None:
    rig.set(sessions="yes", double_fork="yes", orphans="yes", ignore="worker")
    rig.start()
    check_stopped(rig, rig.stop(timeout=5), within=None)


@pytest.mark.parametrize("way", ["sessions", "double_fork"])
def test_workers_that_only_their_parent_or_their_session_tells_end(rig: Rig, way: str) -> None:
    """A title hides the marker, and the worker left its session or its parent: one sign is left."""
    rig.set(title_of_workers="worker", orphans="yes", ignore="worker", **{way: "yes"})
    rig.start()
    check_stopped(rig, rig.stop(timeout=5), within=None)


def test_what_is_forked_at_the_last_moment_ends(rig: Rig) -> None:
    rig.set(last_gasp="yes", orphans="yes", double_fork="yes", sessions="yes")
    rig.start()
    rig.stop(timeout=6)
    wait_until(lambda: rig.count("born worker") == 3, "it was forked", 1)
    assert rig.processes() == []


def test_orphans_end(rig: Rig) -> None:
    rig.set(orphans="yes", sessions="yes")
    rig.start()
    rig.parent.kill()
    wait_until(lambda: len(rig.pids) == 2, "the parent is gone")
    check_stopped(rig, rig.stop(timeout=60))


def test_orphans_end_without_a_record(rig: Rig) -> None:
    rig.set(orphans="yes")
    rig.start()
    rig.parent.kill()
    wait_until(lambda: len(rig.pids) == 2, "the parent is gone")
    rig.lose_state()
    check_stopped(rig, rig.stop(timeout=60))


@pytest.mark.parametrize("who", ["parent", "workers", "all"])
def test_frozen_processes_end(running: Rig, who: str) -> None:
    for process in running.processes():
        is_parent = process.pid == running.parent.pid
        if who == "all" or is_parent == (who == "parent"):
            process.suspend()
            wait_until(lambda p=process: p.status() == psutil.STATUS_STOPPED, "it froze")
    check_stopped(running, running.stop(timeout=12), within=4)
    assert "SIGKILL" not in running.agent_log
    assert "signal SIGTERM parent" in running.journal


@pytest.mark.parametrize("who", ["title", "title_of_workers", "title_of_parent"])
def test_a_daemon_that_rewrites_its_title_ends(rig: Rig, who: str) -> None:
    """The title overwrites arguments and environment, so that neither identifies the daemon."""
    rig.set(**{who: "neutron-server: rpc worker"})
    rig.start()
    assert rig.probe().code == 0
    check_stopped(rig, rig.stop(timeout=60))


def test_a_daemon_that_wrote_its_title_over_all_ends_without_a_record(rig: Rig) -> None:
    """The titles of neutron's agents contain the command line, the only sign that is left."""
    line = f"/usr/bin/python3 {rig.binary} --config-file={rig.config}"
    rig.set(title=f"standin ({line})")
    rig.start()
    rig.lose_state()
    assert rig.probe().code == 0
    rig.stop()


def test_a_parent_that_wrote_its_title_after_the_fork_ends_without_a_record(rig: Rig) -> None:
    rig.set(title_of_parent="neutron-server", orphans="yes")
    rig.start()
    rig.lose_state()
    rig.stop()


def test_a_daemon_that_heeds_term_alone_is_asked_with_it_without_a_record(rig: Rig) -> None:
    """A daemon that a shell runs in the background ignores SIGINT."""
    rig.set(ignore="SIGINT")
    rig.start()
    rig.lose_state()
    result = rig.stop(timeout=10)
    assert "signal SIGTERM parent" in rig.journal
    assert pace.is_within(result.seconds, 6)


def test_children_of_another_program_end_with_it(running: Rig) -> None:
    """Programs that the daemon runs, such as rootwrap, dnsmasq or a shell, belong to it. Here they
    are in its session."""
    session = running.parent.pid
    for process in running.processes():
        assert os.getsid(process.pid) == session
    running.stop()


def test_a_dead_daemon_is_stopped_already(running: Rig) -> None:
    running.parent.kill()
    wait_until(lambda: running.pids == [], "it is dead")
    assert pace.is_within(running.stop().seconds, 2)


def test_a_zombie_is_stopped_already(reaperless: None, rig: Rig) -> None:
    rig.start()
    rig.lose_sentinels()
    leader = rig.parent
    for process in rig.processes():
        process.kill()
    wait_until(lambda: rig.pids == [], "all are dead")
    wait_until(lambda: leader.status() == psutil.STATUS_ZOMBIE, "nobody waits for it")
    assert pace.is_within(rig.stop(timeout=8).seconds, 2)


def test_stop_is_quick_where_the_daemon_is(running: Rig) -> None:
    began = time.monotonic()
    running.stop()
    assert pace.is_within(time.monotonic() - began, 3)


def test_a_log_of_the_kill_is_kept(rig: Rig) -> None:
    rig.set(ignore="parent")
    rig.start()
    rig.stop(timeout=2)
    assert "SIGKILL" in rig.agent_log


def test_kill_is_not_needed_for_what_ends_by_itself(running: Rig) -> None:
    running.stop()
    assert "SIGKILL" not in running.agent_log
    assert signal.SIGKILL.name not in "\n".join(running.journal)


def test_a_parent_that_freezes_while_stop_waits_for_it_ends_in_order(rig: Rig) -> None:
    rig.set(linger=1).start()
    stopping = rig.spawn("stop")
    wait_until(lambda: rig.count("signal SIGTERM parent"), "it was asked")
    rig.parent.suspend()
    stopping.communicate(timeout=pace.seconds(25))
    assert stopping.returncode == 0
    assert rig.processes() == []
    assert "SIGKILL" not in rig.agent_log
