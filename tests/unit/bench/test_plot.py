"""The plots of the report show each figure in its place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tests.bench.declared import MEASUREMENTS
from tests.bench.measurement import Bars, Claim, Row, section
from tests.bench.plot import plots
from tests.drawing import NAMESPACE
from tests.unit.bench.findings import everything, one

SVG = f"{{{NAMESPACE}}}"


def picture(rows: list[Row], plot: Bars = Bars(), claim: Claim | None = None) -> Any:  # noqa: B008
    (drawn,) = plots(one(rows, plot, claim))
    return etree.fromstring(drawn)


def bars_of(tree: Any, kind: str) -> list[tuple[float, float]]:
    """Return the left and the right edge of each bar."""
    found = [each for each in tree.iter(f"{SVG}rect") if each.get("class") == kind]
    return [(x := float(each.get("x")), x + float(each.get("width"))) for each in found]


def test_bars_limits_and_the_paper_s_claim_are_where_their_figures_are() -> None:
    rows = [
        Row("first", (1.0,), 1.5),
        Row("second", (2.0,), 1.5),
        Row("other", (3.0,), None, False),
    ]
    tree = picture(rows, claim=Claim("half", 0.5, 2.5))
    ((begin, first),) = bars_of(tree, "ours")
    ((_, second),) = bars_of(tree, "over")
    ((_, other),) = bars_of(tree, "theirs")
    unit = first - begin
    assert second - begin == pytest.approx(2 * unit, abs=0.2)
    assert other - begin == pytest.approx(3 * unit, abs=0.2)
    limits = [each for each in tree.iter(f"{SVG}line") if each.get("class") == "limit"]
    assert len(limits) == 2
    for each in limits:
        assert float(each.get("x1")) - begin == pytest.approx(1.5 * unit, abs=0.2)
    ((low, high),) = bars_of(tree, "claim")
    assert low + 1 - begin == pytest.approx(0.5 * unit, abs=0.2)
    assert high - 1 - begin == pytest.approx(2.5 * unit, abs=0.2)


def test_on_a_logarithmic_axis_ten_times_as_much_is_the_same_step() -> None:
    tree = picture([Row(str(value), (value,)) for value in (1.0, 10.0, 100.0)], Bars(is_log=True))
    ends = [right for _, right in bars_of(tree, "ours")]
    assert ends[2] - ends[1] == pytest.approx(ends[1] - ends[0], abs=1)
    ticks = {each.text for each in tree.iter(f"{SVG}text") if each.get("text-anchor") == "middle"}
    assert ticks >= {"1", "10", "100"}


def test_parts_of_a_bar_follow_one_another_and_never_pass_its_end() -> None:
    rows = [Row("gap", (2.0, 0.5, 1.0, 9.0)), Row("untold", (4.0, None, 0.3, None))]
    tree = picture(rows, Bars(parts=(1, 2, 3)))
    whole = bars_of(tree, "ours")
    first, second, third = (bars_of(tree, f"part{number}") for number in range(3))
    begin, end = whole[0]
    assert first[0] == (begin, pytest.approx(begin + (end - begin) / 4, abs=0.2))
    assert second[0] == (
        pytest.approx(first[0][1], abs=0.2),
        pytest.approx(begin + (end - begin) * 3 / 4, abs=0.2),
    )
    assert third[0][1] == pytest.approx(end, abs=0.2)
    # each part has one more box in the legend; a share of None has no box
    assert [len(first) - 1, len(second) - 1, len(third) - 1] == [1, 2, 1]


@given(
    st.lists(st.one_of(st.none(), st.floats(-1, 1e6), st.just(float("nan"))), min_size=1),
    st.booleans(),
)
def test_any_figures_make_a_picture(values: list[float | None], is_log: bool) -> None:
    tree = picture([Row("it", (value,), 1.0) for value in values], Bars(is_log=is_log))
    width, height = map(float, tree.get("viewBox").split()[2:])
    for each in tree.iter(f"{SVG}rect"):
        assert 0 <= float(each.get("x")) <= float(each.get("x")) + float(each.get("width")) <= width
        assert 0 <= float(each.get("y")) <= height
    for each in tree.iter(f"{SVG}text"):
        assert 0 <= float(each.get("x")) <= width


def test_curves_have_a_point_for_each_figure_and_a_name_at_their_ends() -> None:
    found = everything()["scale"]
    (measurement, _) = (each for each in MEASUREMENTS if each.run == "scale")
    actions, seconds = map(etree.fromstring, plots(section(measurement, found, "make it")))
    for tree in (actions, seconds):
        drawn = [each for each in tree.iter(f"{SVG}rect") if "point" in each.get("class")]
        assert len(drawn) == len(found["transitions"])
        tracks = [each.get("points").split() for each in tree.iter(f"{SVG}polyline")]
        assert [len(track) for track in tracks] == [3, 3]
    said = {each.text for each in actions.iter(f"{SVG}text")}
    assert {"8,224 first start of all", "5 Keystone fails", "3", "16", "32", "nodes"} <= said
