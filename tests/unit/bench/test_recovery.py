"""The steps from a kill to the next token, from the logs of Pacemaker and the daemon."""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.bench import crash
from tests.bench.declared import MEASUREMENTS
from tests.bench.measurement import NotMeasured, section
from tests.bench.recovery import STEPS, answers, birth_of, divide
from tests.unit.bench.findings import everything

# As Pacemaker 2.1.5 writes it.
LOG = """\
Nov 28 15:44:57.100 n pacemaker-controld [7] (fail_lrm_resource) info: Failing resource p_it...
Nov 28 15:44:57.150 n pacemaker-execd [4] (log_execute) info: executing - rsc:p_it action:stop
Nov 28 15:44:57.210 n pacemaker-execd [4] (log_finished) info: p_it stop (call 30, PID 276) exited
Nov 28 15:44:57.300 n pacemaker-execd [4] (log_execute) info: executing - rsc:p_it action:start
Nov 28 15:45:00.500 n pacemaker-execd [4] (log_finished) info: p_it start (call 31, PID 278) exited
""".splitlines()
SECOND = time.mktime(time.strptime("2026 Nov 28 15:44:57", "%Y %b %d %H:%M:%S"))
KILL, BIRTH = SECOND + 0.02, SECOND + 0.37


def asked(by: str, seconds: float, milliseconds: int, path: str = "/") -> str:
    at = round((SECOND + seconds) * 1000)
    return f"{by} GET {path} 200 at {at} for {milliseconds} ms"


DAEMON = [
    asked("192.168.42.254", 3.0, 300),
    asked("127.0.0.1", 2.9, 100),
    asked("127.0.0.1", 3.05, 400, "/v3/auth/tokens?nocatalog"),
    # the first monitor, after start
    asked("127.0.0.1", 3.6, 100, "/v3/auth/tokens?nocatalog"),
]


def seconds(lines: list[str], token: float = 3.6) -> list[float] | None:
    found = divide(lines, "p_it", KILL, BIRTH, SECOND + token)
    return None if found is None else [round(each, 3) for each in found]


def test_each_moment_ends_a_step_and_all_steps_together_are_the_whole_way() -> None:
    expected = [0.08, 0.05, 0.06, 0.09, 0.07, 3.03, 0.1, 0.1]
    assert seconds([*LOG, *DAEMON]) == expected
    assert len(expected) == len(STEPS)
    assert sum(expected) == pytest.approx(SECOND + 3.6 - KILL)


def test_what_lies_between_the_answers_to_start_is_ours() -> None:
    named = dict(zip([name for name, _ in STEPS], seconds([*LOG, *DAEMON]) or []))
    later = dict(
        zip(
            named,
            seconds([*LOG, *DAEMON[:2], asked("127.0.0.1", 3.2, 250, "/v3/auth/tokens")]) or [],
        )
    )
    # both end at 3.45
    assert (named["the daemon starts"], named["start ends"]) == (3.03, 0.1)
    assert (later["the daemon starts"], later["start ends"]) == (2.88, 0.25)


def test_a_token_before_the_end_of_start_takes_no_further_step() -> None:
    found = seconds([*LOG, *DAEMON], token=3.4)
    assert found is not None
    assert found[-2:] == [0.1, 0]


@pytest.mark.parametrize("missing", range(len(LOG)))
def test_a_moment_that_is_in_no_log_leaves_no_steps(missing: int) -> None:
    assert seconds([*LOG[:missing], *LOG[missing + 1 :], *DAEMON]) is None


def test_a_start_that_was_answered_nothing_leaves_no_steps() -> None:
    assert seconds([*LOG, DAEMON[0], DAEMON[-1]]) is None


def test_other_lines_of_the_daemon_are_no_answers() -> None:
    lines = ["*** Starting uWSGI 2.0.21-debian (64bit) ***", asked("::1", 1, 5), "WSGI app 0 ready"]
    assert [(each.by, round(each.ended - each.begun, 3)) for each in answers(lines)] == [
        ("::1", 0.005)
    ]


def test_a_birth_is_known_to_within_a_hundredth_of_a_second() -> None:
    before = time.time()
    child = subprocess.Popen(("/bin/sleep", "9"))
    after = time.time()
    try:
        assert before - 0.02 < birth_of(child.pid) < after + 0.02
    finally:
        child.kill()
        child.wait()


def test_a_step_of_ours_may_take_as_long_as_pacemaker_s_together() -> None:
    ways = [[0.1, 0.05, 0.06, 0.09, 0.07, 3.0, 0.1, 0.1]] * 2
    found = crash.steps([*ways, [9.0] * 8])
    limits = {each["name"]: each["limit"] for each in found}
    ours = {name: limits[name] for name, owner in STEPS if owner == "ours"}
    assert ours == dict.fromkeys(ours, pytest.approx(0.14))
    assert [limits[name] for name, owner in STEPS if owner != "ours"] == [None] * 4
    assert [each["seconds"] for each in found] == ways[0]


def test_a_recovery_whose_steps_are_in_no_log_has_no_row_for_them() -> None:
    found = {**everything()["crash"], "steps": crash.steps([])}
    (its,) = [each for each in MEASUREMENTS if each.title.startswith("The way from")]
    with pytest.raises(NotMeasured, match="The way from the kill"):
        section(its, found, "make it")
