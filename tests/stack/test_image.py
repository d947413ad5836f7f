"""What is special about glance-api: workers that outlive their parent, and its log-ins."""

from __future__ import annotations

from collections.abc import Callable

import psutil
import pytest

from tests import pace
from tests.bed.waiting import wait_until
from tests.calling import Caller
from tests.stack.image import GLANCE
from tests.stack.real import Real

pytestmark = [pytest.mark.root, pytest.mark.stack]

NOWHERE = "http://127.0.0.1:1/v3"


@pytest.fixture
def glance(running: Callable[[Real], Caller]) -> Caller:
    return running(GLANCE)


@pytest.fixture
def started(glance: Caller) -> Caller:
    begun = glance("start", timeout=pace.seconds(60))
    assert begun.code == 0, begun
    return glance


def processes(config: str) -> list[psutil.Process]:
    wanted = f"--config-file={config}"
    return [p for p in psutil.process_iter(["cmdline"]) if wanted in (p.info["cmdline"] or [])]


def test_workers_that_outlive_their_parent_are_1_and_stop_ends_them(started: Caller) -> None:
    """openstack-daemons.md, trap 1: the workers still serve, and a second start would succeed."""
    config = started.parameters["config"]
    parent = min(processes(config), key=lambda p: p.create_time())
    parent.kill()
    wait_until(lambda: len(processes(config)) == 2, 10, "the parent is gone, two workers are left")
    probed = started("monitor")
    assert probed.code == 1, probed
    assert "parent" in probed.reason
    again = started("start", timeout=pace.seconds(30))
    assert again.code == 1, again
    assert started("stop", timeout=pace.seconds(30)).code == 0
    assert processes(config) == []


def test_token_for_the_older_parameter(glance: Caller) -> None:
    url = glance.parameters.pop("os_auth_url")
    glance.parameters["keystone_get_token_url"] = url + "tokens"
    begun = glance("start", timeout=pace.seconds(60))
    assert begun.code == 0, begun
    assert glance.monitor().code == 0
    wanted = url.partition("/v")[0]
    assert any(wanted in kept.read_text() for kept in glance.tokens)


def test_identity_that_is_down_degrades_and_restarts_nothing(started: Caller) -> None:
    assert started.monitor(os_auth_url=NOWHERE).code == 0, "one poll is no news"
    judged = started.monitor(os_auth_url=NOWHERE)
    assert judged.code == 190, judged
    assert judged.reason.startswith("Identity http://127.0.0.1:1 ")
    assert started("monitor", os_auth_url=NOWHERE).code == 0


def test_catalog_without_the_service_degrades_at_depth_20(started: Caller) -> None:
    judged = started.monitor(20, os_region_name="Mars")
    assert judged.code == 190, judged
    assert "endpoint of type image in region Mars" in judged.reason


def test_refused_password_degrades(glance: Caller) -> None:
    begun = glance("start", timeout=pace.seconds(60), os_password="wrong")
    assert begun.code == 0, begun
    assert glance.monitor(os_password="wrong").code == 190
