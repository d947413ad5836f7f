"""The report of `make bench`: its verdicts (ok, over), and its readability."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree, html

from tests.bench.declared import MEASUREMENTS
from tests.bench.measurement import (
    OK,
    OVER,
    Bars,
    NotMeasured,
    Row,
    shown,
    shown_limit,
)
from tests.bench.page import Report, page, verdict
from tests.bench.plot import plots
from tests.bench.report import sections_of, write
from tests.bench.runs import RUNS
from tests.bench.table import table
from tests.drawing import NAMESPACE
from tests.unit.bench.findings import everything, figure, host, one

SVG = f"{{{NAMESPACE}}}"
NASTY = "a <b>\"&'</title></svg> --> ]]> \u2603"


def report_of(found: dict[str, Any], machine: dict[str, str] | None = None) -> Report:
    missing = {name: f"run {NASTY}" for name in RUNS if name not in found}
    sections, without, empty = sections_of(found, missing)
    assert empty == []
    return Report(sections, without, machine or {"CPU": "one"}, "2026-11-25 22:10 UTC", 61)


def tree_of(report: Report) -> Any:
    return html.document_fromstring(page(report))


def words(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


# Verdicts.


@pytest.mark.parametrize(
    ("value", "limit", "expected"),
    [
        (1.4, 1.4, OK),
        (0, 0, OK),
        (1.4000001, 1.4, OVER),
        (1, 0, OVER),
        (float("nan"), 1.4, OVER),
        (float("inf"), 1.4, OVER),
        (None, 1.4, OVER),
        (9.9, None, ""),
        (None, None, ""),
    ],
)
def test_a_figure_is_ok_up_to_its_limit_and_only_if_it_is_known(
    value: float | None, limit: float | None, expected: str
) -> None:
    assert Row("it", (value,), limit).verdict == expected


@given(
    st.decimals(0, 3, places=6).map(float),
    st.decimals(0, 3, places=6).map(float),
    st.integers(0, 3),
)
def test_a_figure_never_reads_as_if_it_were_on_the_other_side_of_its_limit(
    value: float, limit: float, decimals: int
) -> None:
    assert (float(shown(value, decimals, limit)) > float(shown_limit(limit))) == (value > limit)


def test_a_figure_is_rounded_where_that_says_no_less() -> None:
    assert [shown(1.23456, 2, 1.4), shown(12345.6, 1), shown(None, 2)] == ["1.23", "12,345.6", "-"]


def test_findings_without_a_figure_are_called_neither_ok_nor_over() -> None:
    with pytest.raises(NotMeasured, match="Title"):
        one([])
    found = {**everything(), "quiet": {**host(), "promptness": []}}
    sections, without, empty = sections_of(found, {})
    titles = {each.measurement.title for each in sections}
    expected = ["What a call costs on a quiet host", "How soon an action ends"]
    assert list(without) == expected
    assert titles.isdisjoint(expected)
    assert len(empty) == 2


def test_with_everything_there_every_measurement_has_its_section_and_all_is_ok() -> None:
    report = report_of(everything())
    assert [each.measurement for each in report.sections] == list(MEASUREMENTS)
    assert report.over == []
    assert verdict(report) == f"Within the limit: {report.judged} of {report.judged} figures."
    assert report.judged >= 15


@pytest.mark.parametrize(
    ("run", "place", "value", "name"),
    [
        ("quiet", ("figures", 1, "ratio"), 1.41, "quiet host: process check"),
        ("quiet", ("promptness", 1, "ratio"), 6.1, "an action ends: stop"),
        ("busy", ("figures", 1, "ratio"), 1.41, "busy host: process check"),
        ("paper", ("ratio",), 1.21, "45 resources"),
        ("logins", ("ratio",), 1.21, "failover: 26 resources"),
        ("logins", ("log_ins",), 2, "log-ins of 26 resources"),
        ("crash", ("back",), 3.49, "from the kill to the next token"),
        ("crash", ("steps", 1, "seconds"), 0.051, "stop (ours)"),
        ("scale", ("transitions", 5, "actions"), 6, "Keystone fails, 32 nodes"),
        ("scale", ("verified", 0, "complaints"), 1, "crm_verify"),
        ("failover", ("faults", 0, "gap"), 2.01, "node killed: token"),
        ("idle", ("nodes", 0, "ratio"), 1.71, "node-1"),
        ("idle", ("nodes", 0, "ratio"), None, "node-1"),
        ("storm", ("outages", 0, "healed"), 131.0, "broker + database"),
        ("storm", ("outages", 0, "healed"), None, "broker + database"),
        ("storm", ("problems",), [NASTY], "restarts"),
    ],
)
def test_whatever_is_over_its_limit_is_marked_everywhere(
    run: str, place: tuple[Any, ...], value: object, name: str
) -> None:
    found = copy.deepcopy(everything())
    target = found[run]
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    report = report_of(found)
    (over,) = report.over
    assert name in over
    assert verdict(report) == f"OVER the limit: 1 of {report.judged} figures."
    (its,) = [each for each in report.sections if each.over]
    (line,) = [line for line in table(its).splitlines() if f" {OVER}" in line]
    tree = tree_of(report)
    (row,) = tree.xpath("//tr[@class='over']")
    cells = " ".join(words(cell) for cell in row)
    assert cells.split() == line.split()
    assert [words(item) for item in tree.xpath("//li[@class='over']")] == [
        f"over its limit: {over}"
    ]
    assert len(tree.xpath("//td[text()='OVER']")) == 1
    bars = tree.xpath("//*[local-name()='rect'][@class='over']")
    assert len(bars) == (Bars in map(type, its.measurement.plots))


# Readability.


def test_the_page_needs_nothing_else_and_no_script_and_each_plot_is_told_in_words() -> None:
    report = report_of(everything())
    text = page(report)
    assert text.startswith("<!DOCTYPE html>")
    tree = tree_of(report)
    assert (
        tree.xpath("//script | //link | //img | //iframe | //@src | //@*[starts-with(., 'on')]")
        == []
    )
    assert all(target.startswith("#") for target in tree.xpath("//@href"))
    assert {target[1:] for target in tree.xpath("//@href")} == set(tree.xpath("//section/@id"))
    assert "@import" not in text
    assert "url(" not in text
    assert tree.xpath("//meta[@name='viewport']/@content") == [
        "width=device-width, initial-scale=1"
    ]
    # once for the plots, once for the page
    assert tree.findtext(".//style").count("prefers-color-scheme: dark") == 2
    drawn = [picture for each in report.sections for picture in plots(each)]
    for picture in map(etree.fromstring, drawn):
        assert picture.get("role") == "img"
        assert picture.findtext(f"{SVG}title")
        assert picture.findtext(f"{SVG}desc")
    assert len(tree.xpath("//*[local-name()='svg']")) == len(drawn) >= 8


def test_each_section_has_the_command_that_makes_it_again_and_the_paper_s_claim() -> None:
    tree = tree_of(report_of(everything()))
    commands = tree.xpath("//section//code/text()")
    assert len(commands) == len(MEASUREMENTS)
    assert {'make bench ARGS="quiet"', "make cluster-measure"} <= set(commands)
    assert words(tree).count("The paper: failover in 2 seconds.") == 2
    assert words(tree).count("The paper: 1 or 2 % of the CPU.") == 2


def test_whatever_is_in_a_word_stays_a_word() -> None:
    found = everything()
    found["quiet"]["figures"].append(figure(NASTY, 1.3, 1.4))
    found["failover"]["faults"][0]["fault"] = NASTY
    found["idle"]["command"] = NASTY
    del found["paper"]
    report = report_of(found, {NASTY: NASTY})
    tree = tree_of(report)
    assert NASTY in tree.xpath("//th/text()")
    assert NASTY in tree.xpath("//td/text()")
    assert NASTY in tree.xpath("//code/text()")
    assert f"{NASTY}: token" in tree.xpath("//*[local-name()='text']/text()")
    assert any(NASTY in words(item) for item in tree.xpath("//li"))
    assert tree.xpath("//td//b | //th//b | //code//b | //*[local-name()='text']//b") == []
    assert len(tree.xpath("//section")) == len(MEASUREMENTS) - 1


def test_what_was_not_measured_is_named_with_what_would_measure_it() -> None:
    found = {name: its for name, its in everything().items() if name in ("quiet", "crash")}
    report = report_of(found)
    (item,) = [each for each in tree_of(report).xpath("//li") if "idle cluster" in words(each)]
    assert words(item) == words(html.fragment_fromstring("<i/>")) + (
        f"Monitoring on the idle cluster: not measured here; run {NASTY}"
    )


def test_json_has_every_row_with_its_verdict(tmp_path: Path) -> None:
    found = everything()
    found["quiet"]["figures"][1]["ratio"] = 1.41
    report = report_of(found)
    write(report, found, tmp_path / "bench")
    facts = json.loads((tmp_path / "bench/report.json").read_text())
    assert len(facts["figures"]) == sum(len(each.rows) for each in report.sections)
    assert facts["over"] == ["What a call costs on a quiet host: process check"]
    (over,) = [each for each in facts["figures"] if each["verdict"] == OVER]
    assert over["name"] == "process check"
    assert over["figures"] == {"bare python3 = 1": 1.41, "ms": pytest.approx(8.1)}
    assert (over["limit"], over["command"]) == (1.4, 'make bench ARGS="quiet"')
    assert facts["machine"] == {"CPU": "one"}
    assert facts["found"] == found
    assert (tmp_path / "bench/report.html").read_text() == page(report)
