"""monitor, status and probe: 7 only if the service is cleanly stopped; 1 in case of doubt (contract
19 to 23, predecessors 2, 4, 13)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests import pace
from tests.faults.rig import Rig, free_port, wait_until

pytestmark = pytest.mark.root

# ways in which a live daemon fails to answer, and what the exit reason must say
FAULTS = {
    "500": "answered 500",
    "503": "answered 503",
    "hang": "did not answer within",
    "trickle": "did not answer within",
    "garbage": "sent no HTTP",
    "close": "closed the connection",
    "reset": "reset the connection",
    "short": "before the end of its answer",
}
HEALTHY = ["ok", "401", "404", "nolength", "slow:0.5"]
# Bytes of an exit reason that Pacemaker keeps.
KEPT = 128
# api_timeout in seconds. An action takes one api_timeout for each answer that it waits for.
WAIT = 2


def test_what_never_ran_is_stopped(rig: Rig) -> None:
    result = rig.probe()
    assert result.code == 7
    assert pace.is_within(result.seconds, 2)
    assert rig.monitor().code == 7
    assert rig.caller("status").code == 7


def test_a_probe_where_the_software_is_missing_says_stopped(rig: Rig) -> None:
    """Contract 20: 7 or 5, never 6 or 1."""
    rig.binary.unlink()
    rig.config.unlink()
    rig.parameters["user"] = "no-such-user"
    assert rig.probe().code in (5, 7)


@pytest.mark.parametrize("level", [None, 0, 10, 20])
@pytest.mark.parametrize("credentials", [False, True])
def test_a_healthy_service_is_0_at_every_level(
    running: Rig, level: int | None, credentials: bool
) -> None:
    if credentials:
        running.give_credentials()
    result = running.monitor(level)
    assert result.code == 0, result
    assert result.err == ""
    assert running.probe(level=level).code == 0


@pytest.mark.parametrize("mode", HEALTHY)
def test_an_answer_that_is_no_server_error_is_health(running: Rig, mode: str) -> None:
    running.set(mode=mode)
    result = running.monitor(10)
    assert result.code == 0, result
    assert pace.is_within(result.seconds, 2)


@pytest.mark.parametrize("mode", FAULTS)
def test_a_live_daemon_whose_api_fails_is_1(running: Rig, mode: str) -> None:
    running.set(mode=mode)
    for call in (running.monitor, running.probe):
        result = call(level=10, api_timeout=WAIT)
        assert result.code == 1
        assert pace.is_within(result.seconds, 2 * WAIT)
        assert FAULTS[mode] in result.reason[:KEPT]
        assert f"127.0.0.1:{running.port}" in result.reason[:KEPT]
    assert running.parent.is_running()


@pytest.mark.parametrize("mode", ["500", "hang", "trickle", "close"])
def test_credentials_do_not_hide_a_failing_api(running: Rig, mode: str) -> None:
    running.give_credentials()
    assert running.monitor().code == 0
    running.set(mode=mode)
    for level in (10, 20):
        result = running.monitor(level, api_timeout=WAIT)
        assert result.code == 1
        # two requests wait in vain: with the token and without; there is no third
        assert pace.is_within(result.seconds, 3 * WAIT)
        assert FAULTS[mode] in result.reason[:KEPT]


@pytest.mark.parametrize("mode", ["hang", "500"])
def test_level_0_and_status_do_not_touch_the_service(running: Rig, mode: str) -> None:
    running.give_credentials().set(mode=mode)
    asked = running.count("request")
    assert running.monitor(0).code == 0
    assert running.caller("status").code == 0
    assert running.caller("status", level=20).code == 0
    assert running.count("request") == asked


@pytest.mark.parametrize(
    ("level", "requests"), [("5", 0), ("9", 0), ("11", 1), ("15", 1), ("", 1), ("deep", 1)]
)
def test_an_unknown_level_means_the_next_lower_one(running: Rig, level: str, requests: int) -> None:
    asked = running.count("request")
    assert running.probe(extra={"OCF_CHECK_LEVEL": level}).code == 0
    assert running.count("request") - asked == requests


def test_a_level_above_the_highest_logs_in(running: Rig) -> None:
    running.give_credentials()
    assert running.monitor(30).code == 0
    assert running.monitor(30).code == 0
    assert running.count("login accepted") == 2


def test_a_socket_that_refuses_is_1(running: Rig) -> None:
    result = running.monitor(url=f"http://127.0.0.1:{free_port()}")
    assert result.code == 1
    assert "refused the connection" in result.reason[:KEPT]


def test_a_daemon_that_lost_its_socket_is_1(rig: Rig) -> None:
    rig.set(listen="never")
    rig.caller("start", timeout=2)
    result = rig.monitor()
    assert result.code == 1
    assert "listens on no TCP port" in result.reason[:KEPT]


def test_a_name_that_does_not_resolve_is_1(running: Rig) -> None:
    result = running.monitor(url=f"http://no-such-host.invalid:{running.port}", timeout=10)
    assert result.code == 1
    assert "no-such-host.invalid" in result.reason


def test_a_monitor_ends_within_its_own_timeout(running: Rig) -> None:
    running.set(mode="hang")
    result = running.monitor(api_timeout=60, timeout=4)
    assert result.code == 1
    assert result.is_in_time


def test_an_answer_within_api_timeout_is_waited_for(running: Rig) -> None:
    running.set(mode="slow:8")
    assert running.monitor(api_timeout=30, timeout=60).code == 0
    assert running.monitor(api_timeout=1, timeout=60).code == 1


def test_a_changed_url_takes_effect_without_a_restart(running: Rig) -> None:
    before = running.pids
    assert running.monitor(url=f"http://127.0.0.1:{free_port()}").code == 1
    assert running.monitor(url=f"http://localhost:{running.port}/").code == 0
    assert running.monitor().code == 0
    assert running.pids == before


# --- processes


def test_a_frozen_parent_is_1_at_every_level(running: Rig) -> None:
    running.parent.suspend()
    wait_until(lambda: running.parent.status() == psutil.STATUS_STOPPED, "it froze")
    for level in (0, 10):
        result = running.monitor(level)
        assert result.code == 1
        assert "frozen" in result.reason
    assert running.probe().code == 1
    running.parent.resume()
    wait_until(lambda: running.parent.status() != psutil.STATUS_STOPPED, "it thawed")
    assert running.monitor().code == 0


def test_frozen_workers_are_1(running: Rig) -> None:
    for pid in running.born("worker"):
        psutil.Process(pid).suspend()
    result = running.monitor(api_timeout=WAIT)
    assert result.code == 1
    assert pace.is_within(result.seconds, 2 * WAIT)


@pytest.mark.parametrize("way", ["", "sessions", "double_fork"])
@pytest.mark.parametrize("state", ["kept", "lost"])
def test_workers_without_their_parent_are_1(rig: Rig, way: str, state: str) -> None:
    rig.set(orphans="yes", **({way: "yes"} if way else {}))
    rig.start()
    rig.parent.kill()
    wait_until(lambda: rig.pids == sorted(rig.born("worker")), "the parent is gone")
    if state == "lost":
        rig.lose_state()
    for result in (rig.monitor(0), rig.monitor(), rig.probe()):
        assert result.code == 1
        assert "parent process is gone" in result.reason[:KEPT]
    rig.stop()
    assert rig.probe().code == 7


def test_a_dead_daemon_is_7(running: Rig) -> None:
    running.parent.kill()
    wait_until(lambda: running.pids == [], "all are dead")
    assert running.monitor().code == 7
    assert running.probe().code == 7


def test_a_zombie_is_dead(reaperless: None, rig: Rig) -> None:
    rig.start()
    rig.lose_sentinels()
    leader = rig.parent
    for process in rig.processes():
        process.kill()
    wait_until(lambda: rig.pids == [], "all are dead")
    wait_until(lambda: leader.status() == psutil.STATUS_ZOMBIE, "nobody waits for it")
    assert rig.monitor(0).code == 7
    assert rig.probe().code == 7
    rig.start()
    assert rig.monitor().code == 0


def test_the_zombie_of_a_parent_does_not_hide_its_workers(reaperless: None, rig: Rig) -> None:
    rig.set(orphans="yes")
    rig.start()
    rig.lose_sentinels()
    rig.parent.kill()
    wait_until(lambda: len(rig.pids) == 2, "the parent is a zombie")
    assert rig.probe().code == 1
    rig.stop()


def test_a_port_that_another_process_answers_is_not_health(
    make_rig: Callable[..., Rig],
) -> None:
    """Predecessor 12, trap 1: "the port answers" is not "my process runs"."""
    dead, other = make_rig(), make_rig()
    dead.start()
    dead.parent.kill()
    wait_until(lambda: dead.pids == [], "it is dead")
    other.set(port=dead.port).start()
    assert dead.probe(url=f"http://127.0.0.1:{dead.port}").code == 7
    assert dead.monitor().code == 7


@pytest.mark.parametrize("title", ["title", "title_of_parent", "title_of_workers"])
def test_a_title_changes_nothing(rig: Rig, title: str) -> None:
    rig.set(**{title: "keystone: a title of its own"})
    rig.start()
    assert rig.monitor(0).code == 0
    assert rig.monitor().code == 0


def test_a_daemon_with_another_binary_on_disk_runs_on(running: Rig) -> None:
    """The package was upgraded and the daemon not restarted yet."""
    running.binary.unlink()
    running.binary.write_text("#!/bin/false\n")
    assert running.monitor().code == 0
    running.config.unlink()
    assert running.monitor(0).code == 0


# --- a monitor changes nothing (contract 22)


def test_a_monitor_writes_nothing(running: Rig) -> None:
    def state() -> dict[str, tuple[int, int]]:
        files = [f for f in running.caller.rsctmp.rglob("*") if f.is_file()]
        return {str(f): (f.stat().st_mtime_ns, f.stat().st_ino) for f in files}

    before, log = state(), running.agent_log
    assert running.monitor(0).code == 0
    assert running.monitor(10).code == 0
    assert running.monitor(20).code == 0
    assert state() == before
    assert running.agent_log == log


def test_a_probe_on_a_clean_host_makes_nothing(rig: Rig) -> None:
    assert rig.probe().code == 7
    assert not rig.caller.rsctmp.exists()


def test_monitors_are_safe_beside_each_other(running: Rig) -> None:
    running.give_credentials(api_timeout=10)
    children = [running.spawn("monitor") for _ in range(6)]
    for child in children:
        child.communicate(timeout=pace.seconds(30))
    assert [child.returncode for child in children] == [0] * 6
    assert running.monitor().code == 0


def test_a_monitor_during_start_is_not_7(rig: Rig) -> None:
    rig.set(answer_after=pace.seconds(2))
    child = rig.spawn("start")
    wait_until(lambda: rig.count("born worker") == 2, "it runs")
    assert rig.probe(level=0).code == 0
    assert rig.probe(api_timeout=1).code == 1
    assert child.wait(pace.seconds(10)) == 0


def test_an_ordinary_user_is_told_that_root_is_needed(running: Rig, readable: Path) -> None:
    running.caller.agents = readable / "agents"
    result = running.caller("monitor", user=running.user)
    assert result.code == 4
    assert "root" in result.reason


def test_no_client_is_run_for_a_monitor(running: Rig) -> None:
    """Predecessor "what users asked for" 3: a monitor starts no other process."""
    running.give_credentials()
    assert running.monitor().code == 0
    child = running.spawn("monitor")
    seen = set()
    while child.poll() is None:
        try:
            seen |= {p.pid for p in psutil.Process(child.pid).children(recursive=True)}
        except psutil.NoSuchProcess:
            break
    assert child.wait(pace.seconds(10)) == 0
    assert seen == set()
