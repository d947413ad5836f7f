"""glance-api with the real daemon; glance-registry, which no release has any more, stood in for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import requests

from tests.bed.waiting import wait_until
from tests.calling import Caller
from tests.services.conftest import Site
from tests.services.life import check_life, run_ocf_tester

pytestmark = [pytest.mark.root, pytest.mark.keystone]

CONFIGURATION = """
[DEFAULT]
bind_host = 127.0.0.1
bind_port = {port}
workers = 2
log_file = {data}/api.log
[database]
connection = {database}
[glance_store]
stores = file
default_store = file
filesystem_store_datadir = {data}
[oslo_concurrency]
lock_path = {data}
[paste_deploy]
flavor = keystone
config_file = /etc/glance/glance-api-paste.ini
"""


@pytest.fixture
def glance(site: Callable[[str], Site], stopping: Callable[[Caller], Caller]) -> Caller:
    here = site("glance")
    text = CONFIGURATION.format(port=here.port, data=here.data, database=here.database)
    config = here.write("glance-api.conf", text + here.authtoken)
    here.manage("glance-manage", f"--config-file={config}", "db_sync")
    return stopping(here.caller("glance-api", config=config))


def processes(config: str) -> list[psutil.Process]:
    wanted = f"--config-file={config}"
    return [p for p in psutil.process_iter(["cmdline"]) if wanted in (p.info["cmdline"] or [])]


def test_life_of_glance_api(glance: Caller) -> None:
    check_life(glance, user="glance", processes=3)
    assert processes(glance.parameters["config"]) == []


def test_workers_that_outlive_their_parent_are_1_and_stop_ends_them(glance: Caller) -> None:
    """openstack-daemons.md, trap 1: they serve on, and a second start would succeed beside them."""
    assert glance("start", timeout=30).code == 0
    config = glance.parameters["config"]
    parent = min(processes(config), key=lambda p: p.create_time())
    parent.kill()
    wait_until(lambda: len(processes(config)) == 2, 10, "the parent is gone, two workers are left")
    probed = glance("monitor")
    assert probed.code == 1, probed
    assert "parent" in probed.reason
    started = glance("start", timeout=30)
    assert started.code == 1, started
    assert glance("stop", timeout=30).code == 0
    assert processes(config) == []


def test_token_for_the_older_parameter(glance: Caller) -> None:
    url = glance.parameters.pop("os_auth_url")
    glance.parameters["keystone_get_token_url"] = url + "tokens"
    assert glance("start", timeout=30).code == 0
    assert glance.monitor().code == 0
    assert (glance.rsctmp / "openstack" / f"glance-api@{glance.instance}.token").exists()


def test_identity_that_is_down_degrades_and_restarts_nothing(glance: Caller) -> None:
    assert glance("start", timeout=30).code == 0
    judged = glance.monitor(os_auth_url="http://127.0.0.1:1/v3")
    assert judged.code == 190, judged
    assert "Identity http://127.0.0.1:1" in judged.reason
    assert glance("monitor", os_auth_url="http://127.0.0.1:1/v3").code == 0


def test_catalog_without_the_service_degrades_at_depth_20(glance: Caller) -> None:
    assert glance("start", timeout=30).code == 0
    judged = glance.monitor(20, os_region_name="Mars")
    assert judged.code == 190, judged
    assert "endpoint of type image in region Mars" in judged.reason


def test_refused_password_degrades(glance: Caller) -> None:
    started = glance("start", timeout=30, os_password="wrong")
    assert started.code == 0, started
    assert glance.monitor(os_password="wrong").code == 190


def test_ocf_tester_on_glance_api(glance: Caller, readable: Path) -> None:
    run_ocf_tester(glance, readable)


def test_life_of_glance_registry_on_a_stand_in(
    site: Callable[[str], Site], stopping: Callable[[Caller], Caller]
) -> None:
    here = site("glance")
    daemon = here.write("glance-registry", Path(__file__).with_name("registry.py").read_text())
    daemon.chmod(0o755)
    config = here.write("glance-registry.conf", f"{here.port}\n")
    registry = stopping(here.caller("glance-registry", config=config, binary=daemon))
    assert registry("start").code == 0
    assert requests.get(f"http://127.0.0.1:{here.port}/", timeout=5).status_code == 300
    for level in (0, 10):
        judged = registry.monitor(level)
        assert judged.code == 0, judged
    assert registry("stop").code == 0
    assert registry("monitor").code == 7
