"""Figures computed from a user's attempts, the survivors' logs and the kernel's CPU times."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from tests.bed.attempts import Attempt
from tests.bed.cluster import Operation
from tests.bed.configuration import Timing
from tests.cloud import cost, failover, shares
from tests.cloud.client import failed, longest_gap, recovery
from tests.cloud.failover import Sight, gather
from tests.cloud.shares import Shares, divide, first

BLOW = 10.0


def attempts(*made: tuple[float, float, str]) -> list[Attempt]:
    return [Attempt(begun, ended, error, "token") for begun, ended, error in made]


# Answered until the fault, then two requests that hang for 2 s each, then answered again.
OUTAGE = attempts(
    (9.8, 9.9, ""),
    (9.9, 10.0, ""),
    (9.95, 11.95, "timed out"),
    (10.1, 12.1, "timed out"),
    (11.4, 11.5, ""),
    (11.5, 11.6, ""),
)


def test_the_gap_is_from_the_last_answer_before_the_blow_to_the_first_after_it() -> None:
    assert longest_gap(OUTAGE, BLOW + 0.01, 11.7) == pytest.approx(1.5)


def test_the_gap_of_those_who_are_answered_all_the_time_is_short() -> None:
    steady = attempts(*((at / 10, at / 10 + 0.02, "") for at in range(90, 120)))
    assert longest_gap(steady, BLOW, 11.9) == pytest.approx(0.1)


def test_where_no_answer_comes_any_more_the_gap_lasts_to_the_end() -> None:
    assert longest_gap(OUTAGE[:4], BLOW + 0.01, 15.0) == pytest.approx(5.0)


def test_answers_in_the_order_of_their_end_count_and_not_in_that_of_their_beginning() -> None:
    slow = attempts((10.0, 11.0, ""), (10.1, 10.2, ""), (10.2, 10.3, ""))
    assert longest_gap(slow, BLOW, 11.0) == pytest.approx(0.7)


def test_a_request_that_hung_when_the_blow_fell_has_failed_too() -> None:
    assert [each.begun for each in failed(OUTAGE, BLOW, 12.0)] == [9.95, 10.1]
    assert failed(OUTAGE, 12.2, 13.0) == []


def test_recovery_is_at_the_first_answer_to_who_asked_after_the_last_failure() -> None:
    assert recovery(OUTAGE, BLOW, 12.0) == pytest.approx(1.5)
    assert recovery(OUTAGE[:2], BLOW, 12.0) is None
    # one request succeeds while others fail
    lucky = attempts((10.05, 10.5, ""))
    assert recovery([*OUTAGE, *lucky], BLOW, 12.0) == pytest.approx(1.5)


def test_the_next_answer_is_to_what_was_asked_after_the_blow() -> None:
    assert failover.next_answer(OUTAGE, 9.85) == 10.0
    assert failover.next_answer(OUTAGE, BLOW) == 11.5


# A survivor's logs, as Corosync 3.1.7 and Pacemaker 2.1.5 write them.
LOG = """\
Nov 25 21:52:08.554 [28] node-3 corosync notice  [TOTEM ] A processor failed, forming new
Nov 25 21:52:09.758 [28] node-3 corosync notice  [TOTEM ] A new membership (1.11) was formed.
Nov 25 21:52:09.814 node-3 pacemaker-controld  [6] notice: Requesting fencing (reboot) of node
Nov 25 21:52:09.886 node-3 pacemaker-controld  [6] notice: Peer node-2 was terminated (reboot)
Nov 25 21:52:09.900 node-3 pacemaker-controld  [6] notice: Initiating start operation p_ip_start_0
Nov 25 21:52:10  IPaddr2(p_ip)[211]:    INFO: Adding inet address 192.168.42.103/24 to device eth0
Nov 25 21:52:10.050 node-3 pacemaker-controld  [6] notice: Result of start operation for p_ip on
""".splitlines()


def at(clock: str, milliseconds: int) -> float:
    return time.mktime(time.strptime(f"2026-11-25 {clock}", "%Y-%m-%d %H:%M:%S")) + (
        milliseconds / 1000
    )


def rounded(found: Shares | None) -> tuple[float, ...]:
    assert found
    return tuple(round(getattr(found, name), 3) for name in Shares.__dataclass_fields__)


def test_each_has_its_share_of_the_outage() -> None:
    blow, answer = at("21:52:07", 500), at("21:52:10", 100)
    found = divide(LOG, blow, "p_ip", answer)
    assert rounded(found) == (2.258, 0.07, 0.072, 0.15, 0.05)
    assert sum(rounded(found)) == pytest.approx(answer - blow)


def test_what_comes_after_the_answer_has_no_share_in_the_outage() -> None:
    found = divide(LOG, at("21:52:07", 500), "p_ip", at("21:52:09", 950))
    assert rounded(found) == (2.258, 0.07, 0.072, 0.05, 0.0)


@pytest.mark.parametrize("missing", range(1, 7))
def test_a_moment_that_is_in_no_log_is_not_guessed(missing: int) -> None:
    lines = [line for number, line in enumerate(LOG) if number != missing]
    found = divide(lines, at("21:52:07", 500), "p_ip", at("21:52:10", 100))
    assert (found is None) == (missing != 5)  # that line is from IPaddr2 itself


def test_what_was_logged_before_the_blow_is_of_another_one() -> None:
    assert first(LOG, shares.MEMBERSHIP, at("21:52:09", 900)) is None
    assert divide(LOG, at("21:53:00", 0), "p_ip", at("21:53:02", 0)) is None


def stat(program: str, own: int, waited: int, begun: int = 7) -> str:
    """Return the text of a /proc/PID/stat with these ticks, half of each as system time."""
    times = f"{own - own // 2} {own // 2} {waited - waited // 2} {waited // 2}"
    return f"42 ({program}) S 1 42 42 0 -1 4194560 1 2 3 4 {times} 20 0 1 0 {begun} 1000 10"


def looks(*of: tuple[str, int, int]) -> dict[int, cost.Usage]:
    return {pid: cost.usage(stat(*each)) for pid, each in enumerate(of, 100)}


def seconds(ticks: int) -> float:
    return ticks / cost.TICK


def test_what_the_executor_has_waited_for_is_the_agents() -> None:
    before = looks(("pacemaker-execd", 10, 100), ("corosync", 50, 0), ("a (b) daemon", 5, 900))
    after = looks(("pacemaker-execd", 14, 160), ("corosync", 57, 0), ("a (b) daemon", 8, 999))
    used = cost.growth(before, after)
    assert used["agents"] == pytest.approx(seconds(60))
    assert used["pacemaker"] == pytest.approx(seconds(4))
    assert used["corosync"] == pytest.approx(seconds(7))
    assert used["daemons"] == pytest.approx(seconds(3))
    assert used["balancer"] == 0


def test_what_fenced_has_waited_for_is_pacemaker_s_and_a_sentinel_is_an_agent_s() -> None:
    before = looks(("pacemaker-fence", 1, 10), ("ocf-sentinel", 1, 0))
    after = looks(("pacemaker-fence", 2, 30), ("ocf-sentinel", 4, 0))
    used = cost.growth(before, after)
    assert used["pacemaker"] == pytest.approx(seconds(21))
    assert used["agents"] == pytest.approx(seconds(3))


def test_a_process_that_is_new_has_used_all_of_its_time_meanwhile() -> None:
    before = {100: cost.usage(stat("corosync", 90, 0, begun=1))}
    after = {100: cost.usage(stat("haproxy", 6, 0, begun=2)), 101: cost.usage(stat("x", 5, 0))}
    used = cost.growth(before, after)
    assert (used["balancer"], used["daemons"]) == (seconds(6), seconds(5))


def operation(resource: str, interval: int) -> Operation:
    return Operation(resource, "node-1", "monitor", interval, 0, "", 0, 1, False, 0.0)


def test_a_node_is_compared_with_as_many_bare_interpreters_as_it_has_monitors() -> None:
    monitors = [operation("p_keystone", 30000), operation("p_ip", 10000), operation("fence", 60000)]
    assert cost.rate([*monitors, operation("p_keystone", 0)]) == pytest.approx(8 / 60)


@pytest.mark.parametrize(
    ("ratio", "limit", "verdict"), [(1.7, 1.7, "ok"), (1.71, 1.7, "OVER"), (None, None, "ok")]
)
def test_a_node_s_verdict_is_that_of_the_ratio(
    ratio: float | None, limit: float | None, verdict: str
) -> None:
    node = {**dict.fromkeys(cost.NAMES, 2.5), "node": "node-1", "resources": 26}
    line = cost.table([{**node, "ratio": ratio, "limit": limit}], 120).splitlines()[-1]
    assert line.split()[-1] == verdict


def sights(fault: str, *gaps: float) -> Sequence[Sight]:
    return [
        Sight(fault, "token", gap, 100, 2, gap, gap, Shares(gap / 2, 0.1, 0.1, 0.1, 0.1), {}, {})
        for gap in gaps
    ]


def test_rounds_of_a_fault_are_one_row_of_medians() -> None:
    rows = gather([*sights("node killed", 1.0, 3.0, 1.2), *sights("moved", 0.4)], {"node": 2.0})
    assert [row["fault"] for row in rows] == ["node killed", "moved"]
    row = rows[0]
    assert (row["gap"], row["longest"], row["rounds"]) == (1.2, 3.0, 3)
    assert (row["requests"], row["failed"], row["limit"]) == (300, 6, 2.0)
    assert (row["corosync"], row["recovered"]) == (0.6, 1.2)
    assert rows[1]["limit"] is None
    assert "node killed" in failover.table(rows)


def test_a_consensus_that_corosync_refuses_is_refused_here() -> None:
    with pytest.raises(ValueError, match=r"consensus is 300 ms, and must be 1.2 times"):
        Timing(token=300, consensus=300, join=50)
