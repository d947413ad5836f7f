"""The agent with a real Keystone, as in production."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import psutil
import pytest
import requests

from tests import pace
from tests.bed.waiting import wait_until
from tests.calling import Caller
from tests.stack.tester import run_ocf_tester

pytestmark = [pytest.mark.root, pytest.mark.keystone]

START = 60.0


def leader(caller: Caller) -> psutil.Process:
    pid = int((caller.rsctmp / f"{caller.instance}.pid").read_text())
    return psutil.Process(pid)


def processes(caller: Caller) -> list[psutil.Process]:
    """All processes with this test's uwsgi ini on their command line."""
    ini = caller.parameters["config"]
    return [p for p in psutil.process_iter(["cmdline"]) if ini in (p.info["cmdline"] or [])]


def test_life_from_start_to_stop(keystone: Caller) -> None:
    assert keystone("monitor").code == 7
    started = keystone("start", timeout=START)
    assert started.code == 0, started
    url = keystone.parameters["os_auth_url"].replace("/v2.0", "/v3")
    assert requests.get(url, timeout=10).status_code == 200
    assert leader(keystone).username() == "keystone"
    assert len(processes(keystone)) == 3
    for level in (0, 10, 20, None):
        assert keystone.monitor(level).code == 0
    assert keystone("monitor").code == 0
    assert keystone("status").code == 0
    assert keystone("stop", timeout=START).code == 0
    assert processes(keystone) == []
    assert keystone("monitor").code == 7
    assert keystone("stop").code == 0


def test_second_start_changes_nothing(keystone: Caller) -> None:
    assert keystone("start", timeout=START).code == 0
    before = [p.pid for p in processes(keystone)]
    again = keystone("start", timeout=START)
    assert again.code == 0
    assert pace.is_within(again.seconds, START / 2)
    assert [p.pid for p in processes(keystone)] == before


def test_v2_url_of_the_paper_is_served_by_v3_and_its_token_kept(keystone: Caller) -> None:
    assert keystone.parameters["os_auth_url"].endswith("/v2.0/")
    assert keystone("start", timeout=START).code == 0
    assert keystone.monitor().code == 0
    (token,) = keystone.tokens
    assert token.stat().st_mode & 0o777 == 0o600
    assert token.stat().st_uid == 0
    kept = token.read_text()
    assert keystone.monitor().code == 0
    assert token.read_text() == kept


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"os_password": "wrong"}, "os_password"),
        ({"os_username": "nobody"}, "os_username"),
        ({"os_user_domain_name": "Elsewhere"}, "domain"),
        ({"os_tenant_name": "nothing"}, "os_tenant_name"),
    ],
)
def test_credentials_that_are_refused_degrade_and_restart_nothing(
    keystone: Caller, wrong: dict[str, str], named: str
) -> None:
    started = keystone("start", timeout=START, **wrong)
    assert started.code == 0, started
    judged = keystone.monitor(**wrong)
    assert judged.code == 190, judged
    assert named in judged.reason
    assert "service itself answers" in judged.reason


def test_region_and_interface_are_looked_up_in_the_catalog(keystone: Caller) -> None:
    assert keystone("start", timeout=START).code == 0
    assert keystone.monitor(20, os_region_name="RegionOne", os_interface="admin").code == 0
    judged = keystone.monitor(20, os_region_name="Mars")
    assert judged.code == 190
    assert "Mars" in judged.reason


def test_frozen_daemon_is_a_failure_and_stops(keystone: Caller) -> None:
    assert keystone("start", timeout=START).code == 0
    assert keystone.monitor().code == 0
    for process in processes(keystone):
        process.suspend()
    judged = keystone.monitor(api_timeout=2)
    assert judged.code == 1, judged
    probed = keystone("monitor", api_timeout=2)
    assert probed.code == 1, probed
    stopped = keystone("stop", timeout=START)
    assert stopped.code == 0, stopped
    assert processes(keystone) == []


def test_frozen_workers_are_a_failure(keystone: Caller) -> None:
    assert keystone("start", timeout=START).code == 0
    assert keystone.monitor().code == 0
    for process in processes(keystone):
        if process.pid != leader(keystone).pid:
            process.suspend()
    judged = keystone.monitor(api_timeout=2)
    assert judged.code == 1, judged
    assert judged.reason == f"PID {leader(keystone).pid} has no worker left that runs"


def test_killed_daemon_is_stopped_and_starts_again(keystone: Caller) -> None:
    assert keystone("start", timeout=START).code == 0
    os.kill(leader(keystone).pid, signal.SIGKILL)
    wait_until(lambda: not processes(keystone), 10, "the workers end with their master")
    assert keystone.monitor().code == 7
    assert keystone("start", timeout=START).code == 0
    assert keystone.monitor().code == 0


def test_application_that_cannot_load_is_no_start(keystone: Caller) -> None:
    """uwsgi keeps running and always answers 500 (openstack-daemons.md, trap 3)."""
    ini = Path(keystone.parameters["config"])
    broken = ini.with_name("keystone.wsgi")
    broken.write_text("raise RuntimeError('no application today')\n")
    ini.write_text(ini.read_text().replace("/usr/bin/keystone-wsgi-public", str(broken)))
    started = keystone("start", timeout=6)
    assert started.code == 1, started
    assert "500" in started.reason
    assert started.is_in_time
    assert keystone("stop").code == 0
    assert processes(keystone) == []


def test_port_of_another_program_is_told_with_the_last_words(keystone: Caller) -> None:
    port = int(keystone.parameters["os_auth_url"].split(":")[2].split("/")[0])
    with socket.create_server(("127.0.0.1", port)):
        started = keystone("start", timeout=START)
        assert started.code == 1, started
        assert pace.is_within(started.seconds, 5)
        assert "Address already in use" in started.reason
        assert keystone("monitor").code == 7


def test_wsgi_script_serves_a_plain_keystone_conf(keystone: Caller) -> None:
    folder = Path(keystone.parameters["config"]).parent
    port = keystone.parameters["os_auth_url"].split(":")[2].split("/")[0]
    keystone.parameters.update(
        binary="keystone-wsgi-public",
        config=str(folder / "keystone.conf"),
        additional_parameters=f"--host 127.0.0.1 --port '{port}'",
    )
    assert keystone("start", timeout=START).code == 0
    assert keystone.monitor().code == 0
    assert any("keystone-wsgi-public" in word for word in leader(keystone).cmdline())
    assert keystone("stop").code == 0


def test_program_that_is_gone_with_its_release_is_named(keystone: Caller) -> None:
    started = keystone("start", binary="keystone-all", config="/etc/keystone/keystone.conf")
    assert started.code == 5
    assert "keystone-all" in started.reason


def test_ocf_tester(keystone: Caller, readable: Path) -> None:
    run_ocf_tester(keystone, readable)


@pytest.mark.parametrize("path", ["", "/", "/v3", "/v2.0/"])
def test_url_may_name_a_version_or_none(keystone: Caller, path: str) -> None:
    keystone.parameters["url"] = keystone.parameters["os_auth_url"].replace("/v2.0/", path)
    assert keystone("start", timeout=START).code == 0
    for level in (10, 10, 20):
        judged = keystone.monitor(level)
        assert judged.code == 0, judged
