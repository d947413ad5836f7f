"""What `make bench` makes of what it measured."""

from __future__ import annotations

import pytest

from tests.bench import paper
from tests.bench.cost import CallFailed, Case, cpu_seconds, figures, take_turns
from tests.bench.report import show


def test_a_ratio_is_of_medians_and_over_its_limit_where_it_is_above() -> None:
    cases = [Case("bare", (), {}), Case("just", (), {}, 1.6), Case("over", (), {}, 1.4)]
    measured = [[0.010, 0.011, 0.500], [0.016, 0.0165, 0.0165], [0.0165, 0.001, 0.9]]
    bare, just, over = figures(cases, measured)
    assert (bare.milliseconds, bare.ratio) == (pytest.approx(11), 1)
    assert just.ratio == over.ratio == pytest.approx(1.5)
    assert (bare.is_over, just.is_over, over.is_over) == (False, False, True)


def test_what_has_no_limit_is_never_over() -> None:
    cases = [Case("bare", (), {}), Case("dear", (), {})]
    assert not figures(cases, [[0.01], [9.0]])[1].is_over


def test_a_heavy_case_is_called_in_one_round_of_ten() -> None:
    true = ("/bin/true",)
    found = take_turns([Case("light", true, {}), Case("heavy", true, {}, is_heavy=True)], 11)
    assert [(figure.name, figure.calls) for figure in found[1:]] == [("light", 11), ("heavy", 2)]


def test_cpu_counts_what_the_process_waited_for_and_not_what_it_slept() -> None:
    busy = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"
    idle, worked = (
        cpu_seconds(("/bin/sh", "-c", line), {}) for line in ("sleep 0.3", f"({busy}); true")
    )
    assert 0 < 5 * idle < worked


def test_a_call_that_ends_otherwise_is_no_figure() -> None:
    with pytest.raises(CallFailed, match="ended with 3; once more, with 3: why"):
        cpu_seconds(("/bin/sh", "-c", "echo why >&2; exit 3"), {}, codes=(0, 7))


def test_the_paper_s_resources_are_45_and_each_has_its_interval() -> None:
    agents = paper.RESOURCES
    assert len(agents) == 45
    assert agents.count("nova-api") == 1
    plan = paper.schedule(agents, 60)
    assert plan == sorted(plan)
    for place, agent in enumerate(agents):
        due = [when for when, which in plan if which == place]
        interval = 5 if agent == "nova-api" else 30
        assert len(due) == 60 / interval
        assert all(0 <= when < 60 for when in due)
        assert {round(b - a, 6) for a, b in zip(due, due[1:])} == {interval}
    # spread, not all at once
    assert max(b - a for (a, _), (b, _) in zip(plan, plan[1:])) < 1.5


def test_what_is_over_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    cases = [Case("bare", (), {}), Case("check", (), {}, 1.4)]
    made = [figure._asdict() for figure in figures(cases, [[0.01], [0.02]])]
    found = {"sockets": 10000, "processes": 2000, "figures": made}
    assert show("busy", found) == ["check on the busy host"]
    assert "check" in capsys.readouterr().out
    shares = {"resources": 45, "seconds": 60, "calls": 120, "milliseconds": 11.0}
    shares.update(percent=2.2, bare_percent=1.5, bare_milliseconds=7.5, limit=2.0)
    assert show("paper", shares) == ["the paper's 45 resources"]
    assert show("paper", {**shares, "percent": 1.9}) == []
