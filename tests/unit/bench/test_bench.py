"""`make bench`: its measurements and its exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench import logins, paper
from tests.bench.cost import CallFailed, Case, cpu_seconds, figures, take_turns
from tests.bench.measurement import OK, OVER, Absent, NotMeasured
from tests.bench.report import again, perform
from tests.bench.runs import Run, Wanted
from tests.calling import ROOT
from tests.unit.bench.findings import everything


def test_a_ratio_is_of_medians() -> None:
    cases = [Case("bare", (), {}), Case("just", (), {}, 1.6), Case("over", (), {}, 1.4)]
    measured = [[0.010, 0.011, 0.500], [0.016, 0.0165, 0.0165], [0.0165, 0.001, 0.9]]
    bare, just, over = figures(cases, measured)
    assert (bare.milliseconds, bare.ratio) == (pytest.approx(11), 1)
    assert just.ratio == over.ratio == pytest.approx(1.5)
    assert (bare.limit, just.limit, over.limit) == (None, 1.6, 1.4)


def test_a_heavy_case_is_called_in_one_round_of_ten() -> None:
    true = ("/bin/true",)
    found = take_turns([Case("light", true, {}), Case("heavy", true, {}, is_heavy=True)], 11)
    assert [(figure.name, figure.calls) for figure in found[1:]] == [("light", 11), ("heavy", 2)]


def test_what_comes_before_a_call_comes_before_each_and_costs_nothing(tmp_path: Path) -> None:
    file = tmp_path / "token"
    line = f"test -f {file} && rm {file}"
    case = Case("it", ("/bin/sh", "-c", line), {}, before=lambda: file.write_text("") and None)
    (_, figure) = take_turns([case], 3)
    assert figure.calls == 3


def test_cpu_counts_what_the_process_waited_for_and_not_what_it_slept() -> None:
    busy = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"
    idle, worked = (
        cpu_seconds(("/bin/sh", "-c", line), {}) for line in ("sleep 0.3", f"({busy}); true")
    )
    assert 0 < 5 * idle < worked


def test_a_call_that_ends_otherwise_is_no_figure() -> None:
    with pytest.raises(CallFailed, match="exited with 3; on repeat, with 3: why"):
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
    # spread out, not all at once
    assert max(b - a for (a, _), (b, _) in zip(plan, plan[1:])) < 1.5


def test_a_bare_interpreter_is_called_between_two_agents_and_as_an_agent_is(tmp_path: Path) -> None:
    said = tmp_path / "said"
    agent = tmp_path / "agent"
    agent.write_text(f"#!/bin/sh -e\necho $WHO >> {said}\n")
    agent.chmod(0o755)
    ours = [((str(agent), "monitor"), {"WHO": f"agent {place}"}) for place in range(3)]
    command = paper.bare_of(ours[0], tmp_path)
    assert Path(command[0]).read_text() == "#!/bin/sh -e\npass\n"
    bare = [((str(agent),), {"WHO": f"bare {place}"}) for place in range(3)]
    plan = [(0.0, 2), (0.2, 0), (0.4, 1)]
    costs = paper.follow_both(plan, ours, bare)
    assert [len(each) for each in costs] == [3, 3]
    expected = [f"{who} {place}" for _, place in plan for who in ("agent", "bare")]
    # the last two are due at the same moment
    lines = said.read_text().splitlines()
    assert [*lines[:4], *sorted(lines[4:])] == expected


def test_without_a_kept_token_there_is_nothing_to_forget(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing to measure"):
        logins.forget(tmp_path)
    kept = tmp_path / "account-0.token", tmp_path / "p_nova.token"
    for path in (*kept, tmp_path / "p_nova.record"):
        path.write_text("it")
    logins.forget(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["p_nova.record"]


# Runs, and the exit status.


def fail(reason: NotMeasured) -> Run:
    def measure(_: Wanted) -> dict[str, Any]:
        raise reason

    return Run("a thing", measure)


def test_a_run_that_fails_is_a_failure_and_the_others_go_on() -> None:
    runs = {
        "broken": fail(NotMeasured("it fell over")),
        "good": Run("good", lambda _: {"is": 1}),
        "elsewhere": fail(Absent("run make storm")),
    }
    wanted = Wanted(ROOT, 1, 1.0)
    found, missing, failed = perform([], wanted, runs)
    assert found == {"good": {"is": 1}}
    assert missing == {"broken": "it fell over", "elsewhere": "run make storm"}
    assert failed == ["not measured: a thing: it fell over"]
    # a run asked for by name must have findings; the others were not asked for
    found, missing, failed = perform(["elsewhere"], wanted, runs)
    assert found == {}
    assert missing["good"] == f"run {again('good')}"
    assert failed == ["not measured: a thing: run make storm"]


def bench(*options: object) -> subprocess.CompletedProcess[str]:
    """Run the program behind `make bench`."""
    words = [sys.executable, "-m", "tests.bench.report", *map(str, options)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.root
@pytest.mark.parametrize("gap", [1.9, 2.1])
def test_it_ends_with_a_failure_exactly_where_something_is_over(tmp_path: Path, gap: float) -> None:
    found = everything()
    found["failover"]["faults"][0]["gap"] = gap
    for name in ("failover", "idle"):
        path = tmp_path / f"cluster/{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(found[name]))
    done = bench("--build", tmp_path, "--to", tmp_path, "failover", "idle")
    title = "over its limit: Failover at the virtual address: node killed: token\n"
    assert (done.returncode, done.stderr) == ((1, title) if gap > 2 else (0, ""))
    (line,) = [line for line in done.stdout.splitlines() if "node killed: token" in line]
    assert line.split()[3:6] == [f"{gap:.2f}", "2", OVER if gap > 2 else OK]
    facts = json.loads((tmp_path / "report.json").read_text())
    assert bool(facts["over"]) == (gap > 2)
    assert {"CPU", "cores", "memory", "kernel", "system", "Python"} <= set(facts["machine"])
    assert {"pacemaker", "corosync"} <= set(facts["machine"])
    assert all(facts["machine"].values())


@pytest.mark.root
def test_what_it_cannot_read_is_a_failure_and_in_the_report(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster/idle.json").write_text("{}")
    done = bench("--build", tmp_path, "--to", tmp_path, "idle")
    why = f"{tmp_path}/cluster/idle.json: measured is missing; it should be text"
    title = "monitoring on the idle cluster, by make cluster-measure"
    assert (done.returncode, done.stderr) == (1, f"not measured: {title}: {why}\n")
    assert why in json.loads((tmp_path / "report.json").read_text())["not_measured"].values()
    page = (tmp_path / "report.html").read_text()
    assert "No figure that has a limit was measured. FAILED to measure: 1." in page
    assert f'<li class="over">not measured: {title}: {why}</li>' in page


@pytest.mark.root
def test_an_unknown_run_is_named_with_those_that_there_are() -> None:
    done = bench("queit")
    assert done.returncode == 2
    assert "no run is called queit; choose from quiet, busy, paper" in done.stderr
