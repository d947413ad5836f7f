"""What the caller tells an agent: action, timeout, interval, check level, API version."""

from __future__ import annotations

from time import monotonic, time

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocf_lib import environment
from ocf_lib.environment import DEFAULT_TIMEOUT, RSCTMP, Environment

ANY = st.text(st.characters(blacklist_categories=[]), max_size=12)


def of(*argv: str, **environ: str) -> Environment:
    return Environment(argv, environ)


def test_the_first_word_is_the_action() -> None:
    assert of("start", "more", "words").action == "start"
    assert of().action == ""


def test_defaults_where_heartbeat_says_nothing() -> None:
    bare = of("status")
    assert (bare.instance, bare.rsctmp) == ("default", RSCTMP)
    empty = of("status", OCF_RESOURCE_INSTANCE="", HA_RSCTMP="")
    assert (empty.instance, empty.rsctmp) == ("default", RSCTMP)
    full = of("status", OCF_RESOURCE_INSTANCE="p", HA_RSCTMP="/x")
    assert (full.instance, full.rsctmp) == ("p", "/x")


@pytest.mark.parametrize(
    "text, seconds",
    [("30000", 30.0), ("1", 0.001), ("1500", 1.5), ("0", DEFAULT_TIMEOUT), ("", DEFAULT_TIMEOUT)]
    + [(text, DEFAULT_TIMEOUT) for text in ("30s", "-5", "1.5", "soon", "9" * 5000)],
    ids=lambda value: str(value)[:8],
)
def test_the_timeout_comes_in_milliseconds(text: str, seconds: float) -> None:
    assert of("start", OCF_RESKEY_CRM_meta_timeout=text).timeout == seconds


def test_no_timeout_given() -> None:
    assert of("start").timeout == DEFAULT_TIMEOUT


def test_the_usual_timeout_is_for_a_caller_that_names_none() -> None:
    given = {"OCF_RESKEY_CRM_meta_timeout": "5000"}
    assert Environment(["start"], {}, 60).timeout == 60
    assert Environment(["start"], given, 60).timeout == 5


@pytest.mark.parametrize("milliseconds", [10, 500, 1000, 20000, 600000])
def test_the_deadline_leaves_time_for_the_exit(milliseconds: int) -> None:
    environment = of("start", OCF_RESKEY_CRM_meta_timeout=str(milliseconds))
    granted = environment.deadline - environment.began
    assert 0 < granted < milliseconds / 1000
    assert granted >= milliseconds / 2000 - 1e-6  # the clock is a float of limited precision


@pytest.mark.parametrize(
    "action, interval, probe",
    [
        ("monitor", None, True),
        ("monitor", "0", True),
        ("monitor", "", True),
        ("monitor", "10000", False),
        ("start", None, False),
    ],
)
def test_a_probe_is_a_monitor_without_an_interval(
    action: str, interval: str | None, probe: bool
) -> None:
    environ = {} if interval is None else {"OCF_RESKEY_CRM_meta_interval": interval}
    assert Environment([action], environ).is_probe is probe


@pytest.mark.parametrize(
    "text, level",
    [(None, None), ("", None), ("0", 0), ("10", 10), ("20", 20), ("ten", None), ("-1", None)],
)
def test_the_check_level_has_no_prefix(text: str | None, level: int | None) -> None:
    environ = {"OCF_RESKEY_OCF_CHECK_LEVEL": "20"}
    if text is not None:
        environ["OCF_CHECK_LEVEL"] = text
    assert Environment(["monitor"], environ).check_level == level


@pytest.mark.parametrize(
    "major, ours", [(None, True), ("", True), ("1", True), ("2", False), ("0", False), ("x", False)]
)
def test_the_version_of_the_api(major: str | None, ours: bool) -> None:
    environ = {} if major is None else {"OCF_RA_VERSION_MAJOR": major}
    assert Environment(["start"], environ).speaks_our_api is ours


@given(timeout=ANY, interval=ANY, level=ANY)
def test_any_text_is_understood_or_looked_past(timeout: str, interval: str, level: str) -> None:
    environment = of(
        "monitor",
        OCF_RESKEY_CRM_meta_timeout=timeout,
        OCF_RESKEY_CRM_meta_interval=interval,
        OCF_CHECK_LEVEL=level,
    )
    assert environment.timeout > 0
    assert environment.deadline > environment.began
    assert environment.is_probe in (True, False)
    assert environment.check_level is None or environment.check_level >= 0


def aged(age: float, milliseconds: int) -> Environment:
    given = {"OCF_RESKEY_CRM_meta_timeout": str(milliseconds)}
    return Environment(["monitor"], given, age=age)


def test_time_is_counted_from_the_fork() -> None:
    before = monotonic()
    fresh, late = aged(0.0, 20000), aged(3.0, 20000)
    assert 2.9 < fresh.began - late.began < 3.0 + monotonic() - before
    assert fresh.deadline > late.deadline + 3


def test_a_late_agent_keeps_more_time_for_its_exit() -> None:
    assert aged(3.0, 20000).margin == aged(0.0, 20000).margin + 3


@pytest.mark.parametrize(
    "timeout, margin", [(0.6, 0.3), (5, 0.5), (20, 1), (60, 3), (100, 5), (400, 5)]
)
def test_a_longer_timeout_keeps_more_time_for_the_exit(timeout: float, margin: float) -> None:
    assert aged(0.0, int(timeout * 1000)).margin == pytest.approx(margin)


@pytest.mark.parametrize("age", [0.0, 0.5, 5.0, 9.9])
def test_every_moment_lies_between_now_and_the_timeout(age: float) -> None:
    one = aged(age, 10000)
    assert monotonic() <= one.deadline + 0.1
    assert one.deadline < one.last_moment < one.began + 10


@pytest.mark.parametrize("age", [10.0, 86400.0, -5.0])
def test_an_age_that_cannot_be_is_none(age: float) -> None:
    """The agent was run by a program that lived before (exec), or the clock stepped."""
    assert aged(age, 10000).late == 0


def test_the_age_of_this_process() -> None:
    found = environment.age()
    assert found > 0
    assert environment.age() >= found
    assert abs(time() - found - psutil.Process().create_time()) < 5
