"""A service that is checked by a web page: the dashboard must show its login form."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.faults.rig import Rig

pytestmark = pytest.mark.root

PAGE = "GET /horizon/auth/login/"
FORM = "no csrfmiddlewaretoken is in it"


@pytest.fixture
def dashboard(make_rig: Callable[..., Rig]) -> Rig:
    """A dashboard; nothing is started yet."""
    rig = make_rig(agent="horizon")
    # the stand-in needs this option; the agent passes -f, the option of Apache
    rig.parameters["additional_parameters"] = f"--config-file={rig.config}"
    return rig


def test_a_dashboard_that_shows_its_form_runs(dashboard: Rig) -> None:
    dashboard.start()
    assert dashboard.count(f"request {PAGE}") >= 1
    asked = dashboard.count(f"request {PAGE}")
    assert dashboard.monitor().code == 0
    assert dashboard.monitor(20).code == 0
    assert dashboard.probe().code == 0
    assert dashboard.count(f"request {PAGE}") == asked + 3
    assert dashboard.launch["environ"]["APACHE_RUN_USER"] == "www-data"
    dashboard.stop()


MODES = {
    # mode: monitor, its reason, start
    "nonsense": (1, FORM, 1),
    "500": (1, "/horizon/auth/login/ answered 500", 1),
    "hang": (1, "did not answer within 1 s", 1),
    "trickle:0.1": (1, "did not answer within 1 s", 1),
    "short": (1, "bytes before the end of its answer", 1),
    "404": (190, "answered 404: parameter url must name the page's site", 0),
    "400": (190, "answered 400", 0),
    "302": (190, "answered 302", 0),
    "nolength": (0, "", 0),
    "slow:0.3": (0, "", 0),
}


@pytest.mark.parametrize("mode", MODES)
def test_what_monitor_makes_of_an_answer(dashboard: Rig, mode: str) -> None:
    code, reason, _ = MODES[mode]
    dashboard.parameters["api_timeout"] = "1"
    dashboard.start()
    result = dashboard.answer(PAGE, mode).monitor()
    assert result.code == code, result
    assert reason in result.reason
    assert dashboard.probe().code == (0 if code == 190 else code)
    assert dashboard.answer(PAGE, "ok").monitor().code == 0
    assert dashboard.count("born parent") == 1
    dashboard.stop()


@pytest.mark.parametrize("mode", ["nonsense", "500", "404", "nolength"])
def test_what_start_makes_of_an_answer(dashboard: Rig, mode: str) -> None:
    _, reason, code = MODES[mode]
    result = dashboard.answer(PAGE, mode).caller("start", timeout=3)
    assert result.code == code, result
    if code:
        assert reason in result.reason
        assert re.search(r"not usable \d+ s after the start", result.reason)
    assert dashboard.count(f"request {PAGE}") >= 1
    dashboard.stop()


def test_start_waits_for_a_page_that_comes_late(dashboard: Rig) -> None:
    dashboard.set(listen_after=2)
    assert dashboard.start().seconds >= 2
    dashboard.stop()


def test_the_site_that_the_operator_names_is_asked(dashboard: Rig) -> None:
    dashboard.parameters["url"] = f"http://127.0.0.1:{dashboard.port}/horizon"
    dashboard.start()
    assert dashboard.monitor().code == 0
    moved = dashboard.monitor(url=f"http://127.0.0.1:{dashboard.port}/dashboard")
    assert moved.code == 190
    assert "/dashboard/auth/login/ answered 404" in moved.reason
    assert dashboard.count("request GET /dashboard/auth/login/") == 1
    dashboard.stop()
