"""Crash detection: if the daemon ends and nobody asked for that, Pacemaker is told at once and
exactly once. Pacemaker is not told of any other end."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests import pace
from tests.faults.pacemaker import NODE, Pacemaker
from tests.faults.rig import PASSWORD, Rig, wait_until

pytestmark = pytest.mark.root

# The memory that the issue and docs/crash-detection.md allow a sentinel.
MIB = 8
# For so long it must do nothing at all.
REST_SECONDS = 3.0


@pytest.fixture
def pacemaker(rig: Rig) -> Pacemaker:
    return Pacemaker(rig)


@pytest.fixture
def started(rig: Rig, pacemaker: Pacemaker) -> Rig:
    """A healthy daemon, started by Pacemaker."""
    rig.start(extra=pacemaker.extra)
    return rig


def fail_words(rig: Rig) -> str:
    return f"crm_resource --fail --resource {rig.caller.instance} --node {NODE}"


def wait_told(rig: Rig, pacemaker: Pacemaker) -> None:
    wait_until(lambda: pacemaker.told, "Pacemaker is told")
    wait_until(lambda: rig.sentinels == [], "the sentinel has ended")
    assert pacemaker.told == [fail_words(rig)]


def wait_silent(rig: Rig, pacemaker: Pacemaker) -> None:
    """Assert that the sentinel has ended and has not told Pacemaker anything."""
    wait_until(lambda: rig.sentinels == [], "no sentinel is left")
    assert pacemaker.told == []


# --- a crash


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGKILL, "was ended by signal 9 (SIGKILL)"),
        (signal.SIGSEGV, "was ended by signal 11 (SIGSEGV)"),
        (signal.SIGRTMIN + 3, "was ended by signal 37"),
    ],
)
def test_a_daemon_that_a_signal_ends_is_told(
    started: Rig, pacemaker: Pacemaker, number: int, said: str
) -> None:
    pid = started.parent.pid
    os.kill(pid, number)
    wait_told(started, pacemaker)
    assert f"ERROR: PID {pid} {said}" in started.agent_log
    assert "; Pacemaker is told\n" in started.agent_log
    assert started.monitor(0).code == 7
    assert started.start(extra=pacemaker.extra).code == 0
    assert len(started.sentinels) == 1


def test_a_daemon_that_exits_is_told(rig: Rig, pacemaker: Pacemaker) -> None:
    rig.set(die_after=1.5)
    rig.start(extra=pacemaker.extra)
    wait_told(rig, pacemaker)
    assert f"PID {rig.born('parent')[0]} exited with 9; Pacemaker is told" in rig.agent_log


def test_workers_that_live_on_are_left_to_the_stop_of_the_recovery(
    rig: Rig, pacemaker: Pacemaker
) -> None:
    rig.set(orphans="yes")
    rig.start(extra=pacemaker.extra)
    rig.parent.kill()
    wait_told(rig, pacemaker)
    assert len(rig.pids) == 2
    assert rig.monitor().code == 1
    rig.stop()


def test_a_worker_s_end_is_the_parent_s_affair(rig: Rig, pacemaker: Pacemaker) -> None:
    rig.set(respawn="yes")
    rig.start(extra=pacemaker.extra)
    psutil.Process(rig.born("worker")[0]).kill()
    wait_until(lambda: rig.count("born worker") == 3, "it is replaced")
    assert len(rig.sentinels) == 1
    assert pacemaker.calls == []


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8])
def test_a_death_about_the_time_of_readiness_is_told_by_start_or_by_its_sentinel(
    rig: Rig, pacemaker: Pacemaker, moment: float
) -> None:
    """Exactly one of them reports it."""
    rig.set(die_after=0.05 + moment)
    result = rig.caller("start", extra=pacemaker.extra)
    wait_until(lambda: rig.sentinels == [], "the sentinel has ended")
    assert result.code in (0, 1), result
    assert pacemaker.told == ([fail_words(rig)] if result.code == 0 else [])


def test_a_start_that_is_not_over_is_waited_for(started: Rig, pacemaker: Pacemaker) -> None:
    """The last check of start may come just before the daemon's death; then start succeeds."""
    settled = started.file("record").read_text()
    unsettled = settled.replace(f"uid={started.account.pw_uid}\n", "uid=-1\n")
    assert unsettled != settled
    with started.file("lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        started.file("record").write_text(unsettled)
        (sentinel,) = started.sentinels
        started.parent.kill()
        # it tries the lock again and again
        wait_until(lambda: sentinel.num_ctx_switches().voluntary > 20, "it waits for the lock")
        assert pacemaker.calls == []
        started.file("record").write_text(settled)
    wait_told(started, pacemaker)


def test_a_controller_that_is_busy_is_told_again(started: Rig, pacemaker: Pacemaker) -> None:
    pacemaker.fail(crm_resource=2)
    started.parent.kill()
    wait_until(lambda: started.sentinels == [], "the sentinel has ended", 15)
    assert pacemaker.told == [fail_words(started)] * 3
    assert started.agent_log.count("; Pacemaker is told\n") == 1
    assert "is not told" not in started.agent_log


def test_a_cluster_that_does_not_know_of_the_start_yet_is_asked_again(
    started: Rig, pacemaker: Pacemaker
) -> None:
    pacemaker.be(name="p_nothing")
    started.parent.kill()
    wait_until(lambda: len(pacemaker.calls) == 2, "it is asked twice")
    assert pacemaker.told == []
    pacemaker.be()
    wait_told(started, pacemaker)


def test_a_remote_node_has_its_resource_probed(started: Rig, pacemaker: Pacemaker) -> None:
    """Pacemaker accepts no failure report from a remote node."""
    pacemaker.be(kind="remote")
    started.parent.kill()
    wait_until(lambda: pacemaker.told, "Pacemaker is told")
    wait_until(lambda: started.sentinels == [], "the sentinel has ended")
    assert pacemaker.told == [fail_words(started).replace("--fail", "--refresh")]


def test_a_clone_is_told_by_the_name_that_pacemaker_knows(
    started: Rig, pacemaker: Pacemaker
) -> None:
    """If a clone may run twice on a node, its instances are p_keystone:0 and p_keystone:1."""
    pacemaker.be(name=started.caller.instance + ":0")
    started.parent.kill()
    wait_told(started, pacemaker)


def test_the_oom_killer_is_named(rig: Rig, pacemaker: Pacemaker, memory_limit: str) -> None:
    rig.start(extra=pacemaker.extra)
    parent = rig.parent
    Path(memory_limit, "cgroup.procs").write_text(str(parent.pid))
    rig.set(hoard=256)
    parent.send_signal(signal.SIGUSR1)
    wait_told(rig, pacemaker)
    assert (
        f"PID {parent.pid} was ended by signal 9 (SIGKILL) by the kernel's OOM killer; Pacemaker"
        in rig.agent_log
    )


# --- no crash


@pytest.mark.parametrize("ignore", ["", "parent worker"])
def test_an_end_that_stop_asked_for_is_not_told(
    rig: Rig, pacemaker: Pacemaker, ignore: str
) -> None:
    rig.set(ignore=ignore)
    rig.start(extra=pacemaker.extra)
    rig.stop(timeout=4, extra=pacemaker.extra)
    wait_silent(rig, pacemaker)
    assert pacemaker.calls == []


@pytest.mark.parametrize("delay", [0.05, 0.1, 0.15, 0.2, 0.3, 0.5])
def test_an_end_that_a_killed_stop_had_asked_for_is_not_told(
    rig: Rig, pacemaker: Pacemaker, delay: float
) -> None:
    """If the daemon got SIGTERM, Pacemaker must not be told of its end."""
    rig.set(linger=1)
    rig.start(extra=pacemaker.extra)
    stopping = rig.spawn("stop")
    time.sleep(delay)  # any moment of the stop is good
    os.killpg(stopping.pid, signal.SIGKILL)
    stopping.communicate()
    # A SIGTERM that was sent may not have been handled yet: on a busy host not for seconds.
    wait_until(
        lambda: rig.count("signal SIGTERM parent") or rig.monitor(0).code == 0,
        "it was asked to end, or is healthy",
    )
    if rig.count("signal SIGTERM parent"):
        wait_until(lambda: rig.pids == [], "it has ended")
        wait_silent(rig, pacemaker)
    rig.stop()
    wait_silent(rig, pacemaker)


def test_a_start_that_fails_says_so_itself(rig: Rig, pacemaker: Pacemaker) -> None:
    rig.set(die=3, words="no database")
    result = rig.caller("start", extra=pacemaker.extra)
    assert result.code == 1
    assert result.reason == "the daemon exited with 3 during start: no database"
    wait_silent(rig, pacemaker)


def test_what_a_killed_start_left_is_not_told(rig: Rig, pacemaker: Pacemaker) -> None:
    """Pacemaker knows that the start failed and calls stop next."""
    rig.set(answer_after=60)
    starting = rig.spawn("start", extra=pacemaker.extra)
    wait_until(lambda: rig.count("born worker") == 2, "it runs")
    os.killpg(starting.pid, signal.SIGKILL)
    starting.communicate()
    assert len(rig.sentinels) == 1, "out of reach of that signal"
    rig.parent.kill()
    wait_silent(rig, pacemaker)
    rig.stop()


@pytest.mark.parametrize("state", [{"managed": "false"}, {"maintenance": "true"}])
def test_of_an_unmanaged_resource_nobody_is_told(
    started: Rig, pacemaker: Pacemaker, state: dict[str, str]
) -> None:
    """Otherwise the recorded failure would cause a restart once the resource is managed again."""
    pacemaker.be(**state)
    started.parent.kill()
    wait_silent(started, pacemaker)
    assert "Pacemaker is not told: it does not manage this resource now" in started.agent_log


def test_where_pacemaker_is_gone_the_log_has_it(started: Rig, pacemaker: Pacemaker) -> None:
    pacemaker.fail(crm_mon=100)
    started.parent.kill()
    wait_silent(started, pacemaker)
    assert "Pacemaker is not told: crm_mon does not answer" in started.agent_log


def test_without_a_cluster_no_tool_is_called(running: Rig, pacemaker: Pacemaker) -> None:
    running.parent.kill()
    wait_silent(running, pacemaker)
    assert "nobody is told, since Pacemaker did not start it" in running.agent_log


# --- the parameter


def test_it_can_be_switched_off_and_on_with_the_daemon_running(
    rig: Rig, pacemaker: Pacemaker
) -> None:
    rig.start(crash_detection="false", extra=pacemaker.extra)
    pid = rig.parent.pid
    assert rig.sentinels == []
    for given, number in (("yes", 1), ("yes", 1), ("no", 0), ("no", 0), ("", 1)):
        result = rig.caller("reload-agent", crash_detection=given, extra=pacemaker.extra)
        assert result.code == 0
        assert len(rig.sentinels) == number, given
    assert rig.parent.pid == pid
    rig.parent.kill()
    wait_told(rig, pacemaker)
    assert f"PID {pid} ended (how is not known" in rig.agent_log


def test_switched_off_nobody_is_told(rig: Rig, pacemaker: Pacemaker) -> None:
    rig.start(crash_detection="false", extra=pacemaker.extra)
    rig.parent.kill()
    wait_until(lambda: rig.pids == [], "all are dead")
    wait_silent(rig, pacemaker)
    assert rig.monitor(0).code == 7


def test_a_value_that_is_none_is_named(rig: Rig) -> None:
    result = rig.caller("validate-all", crash_detection="perhaps")
    assert result.code == 6
    assert result.reason.startswith("parameter crash_detection must be true or false")


# --- the sentinel itself


@pytest.mark.parametrize("kind", ["of a child", "of one that runs"])
def test_it_costs_8_mib_at_most_and_no_cpu(started: Rig, pacemaker: Pacemaker, kind: str) -> None:
    if kind == "of one that runs":
        started.lose_sentinels()
        assert started.caller("reload-agent", extra=pacemaker.extra).code == 0
    (sentinel,) = started.sentinels
    wait_until(lambda: sentinel.name() == "ocf-sentinel", "it waits")
    wait_until(lambda: sentinel.status() == psutil.STATUS_SLEEPING, "it waits")
    # memory_info() is off by up to 64 pages for each CPU
    assert sum(mapped.rss for mapped in sentinel.memory_maps()) <= MIB << 20

    def is_at_rest() -> bool:
        before, began = (sentinel.cpu_times(), sentinel.num_ctx_switches()), time.monotonic()
        while time.monotonic() < began + REST_SECONDS:
            assert started.monitor().code == 0
        return (sentinel.cpu_times(), sentinel.num_ctx_switches()) == before

    wait_until(is_at_rest, f"it does nothing for {REST_SECONDS} s")


def test_it_holds_nothing_and_knows_no_secret(rig: Rig, pacemaker: Pacemaker) -> None:
    rig.give_credentials()
    rig.start(extra={**pacemaker.extra, "SECRET": PASSWORD})
    (sentinel,) = rig.sentinels
    for name in os.listdir(f"/proc/{sentinel.pid}/fd"):
        opened = os.readlink(f"/proc/{sentinel.pid}/fd/{name}")
        # start had the other end of the pipe
        assert opened == "/dev/null" or opened.startswith("pipe:"), opened
    assert sentinel.cwd() == "/"
    assert os.getsid(sentinel.pid) == sentinel.pid
    assert PASSWORD not in f"{sentinel.environ()} {sentinel.cmdline()}"
    assert not [name for name in sentinel.environ() if name.startswith("OCF_RESKEY_os")]


def test_without_it_monitor_finds_the_crash(started: Rig, pacemaker: Pacemaker) -> None:
    started.lose_sentinels()
    assert started.monitor().code == 0
    started.parent.kill()
    wait_until(lambda: started.pids == [], "all are dead")
    assert started.monitor().code == 7
    assert pacemaker.calls == []
    started.stop()


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_what_happens_to_it_holds_up_nothing(
    started: Rig, pacemaker: Pacemaker, number: int
) -> None:
    for process in started.sentinels:
        process.send_signal(number)
    assert started.monitor().code == 0
    assert pace.is_within(started.stop(timeout=8).seconds, 4)
    wait_silent(started, pacemaker)
    started.start(extra=pacemaker.extra)
    assert len(started.sentinels) == 1


def test_one_that_was_lost_with_the_record_is_ended_by_stop(
    started: Rig, pacemaker: Pacemaker
) -> None:
    started.lose_state()
    started.stop()
    wait_silent(started, pacemaker)


def test_a_daemon_that_is_adopted_is_watched(started: Rig, pacemaker: Pacemaker) -> None:
    started.lose_state()
    started.lose_sentinels()
    started.start(extra=pacemaker.extra)
    assert started.count("born parent") == 1
    started.parent.kill()
    wait_told(started, pacemaker)


def test_a_second_start_leaves_one(started: Rig, pacemaker: Pacemaker) -> None:
    before = started.sentinels
    started.start(extra=pacemaker.extra)
    assert started.sentinels == before


def test_the_sentinel_of_another_instance_is_left_alone(
    started: Rig, make_rig: Callable[..., Rig]
) -> None:
    other = make_rig()
    other.start()
    started.stop()
    assert len(other.sentinels) == 1
    assert other.monitor().code == 0


def test_a_process_of_the_service_s_user_that_poses_as_one_is_not_signalled(started: Rig) -> None:
    """Otherwise that user could choose which process root kills."""
    poser = subprocess.Popen(
        ["/bin/sleep", "60"],
        user=started.user,
        env={"OPENSTACK_OCF_INSTANCE": f"sentinel of keystone/{started.caller.instance}"},
        cwd="/",
    )
    try:
        started.stop()
        assert poser.poll() is None
    finally:
        poser.kill()
        poser.wait()
