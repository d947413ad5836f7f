"""The state of a resource, read from the history that Pacemaker keeps."""

from __future__ import annotations

import pytest
from lxml import etree

from .standing import (
    DEGRADED,
    FAILED,
    HEALTHY,
    STARTING,
    STOPPED,
    Standing,
    fail_counts,
    last_failure,
    standings,
)

START = ("last_0", "start", 0, 0, 12, 100)
GOOD = ("monitor_10000", "monitor", 10000, 0, 14, 101)
BAD = ("last_failure_0", "monitor", 10000, 1, 14, 130)
AWAY = ("last_failure_0", "monitor", 10000, 190, 14, 130)


def history(*operations: tuple[str, str, int, int | None, int, int], count: str = "") -> object:
    """Return a status with these operations: key, task, interval, code (None: pending), call,
    time."""
    lines = [
        f'<lrm_rsc_op id="p_a_{key}" operation="{task}" interval="{interval}" call-id="{call}" '
        f'rc-code="{193 if code is None else code}" op-status="{-1 if code is None else 0}" '
        f'last-rc-change="{time}" exit-reason="{"why" if code else ""}"/>'
        for key, task, interval, code, call, time in operations
    ]
    pair = f'<nvpair id="x" name="fail-count-p_a#monitor_10000" value="{count}"/>' if count else ""
    return etree.fromstring(
        '<status><node_state uname="node-2"><lrm><lrm_resources><lrm_resource id="p_a">'
        f"{''.join(lines)}</lrm_resource></lrm_resources></lrm>"
        f"<transient_attributes>{pair}</transient_attributes></node_state>"
        '<node_state uname="node-3"><lrm><lrm_resources><lrm_resource id="p_a">'
        '<lrm_rsc_op id="p" operation="monitor" interval="0" call-id="5" rc-code="7" '
        'op-status="0" last-rc-change="90"/></lrm_resource></lrm_resources></lrm></node_state>'
        "</status>"
    )


@pytest.mark.parametrize(
    ("operations", "standing"),
    [
        ([START, GOOD], Standing("node-2", HEALTHY, "", 12)),
        ([START, GOOD, AWAY], Standing("node-2", DEGRADED, "why", 12)),
        ([START, GOOD, BAD], Standing("node-2", FAILED, "why", 12)),
        # recovered: the record of the failure stays
        ([START, (*GOOD[:5], 160), AWAY], Standing("node-2", HEALTHY, "", 12)),
        # degraded from the first monitor on, whose record stays pending for ever
        ([START, (*GOOD[:3], None, 14, 101), AWAY], Standing("node-2", DEGRADED, "why", 12)),
        # started again after a failure
        ([("last_0", "start", 0, 0, 20, 140), BAD], Standing("node-2", STARTING, "", 20)),
        ([("last_0", "start", 0, None, 20, 140), BAD], Standing("node-2", STARTING)),
        ([("last_0", "start", 0, 1, 20, 140)], Standing("node-2", FAILED, "start: why", 20)),
        ([("last_0", "stop", 0, None, 20, 140), GOOD], Standing("node-2", STOPPED)),
        ([("last_0", "stop", 0, 0, 20, 140), GOOD], Standing()),
        ([("last_0", "monitor", 0, 7, 5, 90)], Standing()),
        # after a cleanup: a probe found it running, and monitors follow
        ([("last_0", "monitor", 0, 0, 12, 100), GOOD], Standing("node-2", HEALTHY, "", 12)),
        ([("last_0", "monitor", 0, 0, 12, 100)], Standing("node-2", STARTING, "", 12)),
    ],
)
def test_standing(
    operations: list[tuple[str, str, int, int | None, int, int]], standing: Standing
) -> None:
    assert standings(history(*operations), ["p_a", "p_b"]) == {"p_a": standing, "p_b": Standing()}


def test_failures_are_counted_and_degraded_is_none() -> None:
    assert fail_counts(history(START)) == {}
    assert fail_counts(history(START, count="2")) == {"p_a": 2}
    assert fail_counts(history(START, count="INFINITY")) == {"p_a": 1_000_000}
    assert last_failure(history(START, GOOD, AWAY), "p_a") == ""
    assert last_failure(history(START, GOOD, BAD), "p_a") == "why"
