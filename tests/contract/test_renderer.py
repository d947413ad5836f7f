"""Contract line 31: meta-data of a service whose declaration is full of special characters."""

from __future__ import annotations

import subprocess

import pytest
from lxml import etree

from ocf_lib.actions import metadata
from ocf_lib.declare.parameters import Boolean, Integer, Parameter, Path, Port, Select, String, Url
from ocf_lib.declare.service import Action, Program, Service
from tests.contract.test_metadata import SCHEMA

AWKWARD = """<b>&amp; "quoted" 'too' ]]> <!-- no comment --> &lt; é €"""


@pytest.fixture
def text() -> str:
    service = Service(
        name="awkward",
        title=AWKWARD,
        longdesc="\n" + AWKWARD + "\n\n" + AWKWARD + "\n",
        project="awkward",
        programs=(Program("awkward"),),
        parameters=(
            Parameter("plain", String(), "Plain", AWKWARD, default=AWKWARD, required=False),
            Parameter("plugin config", Path(), AWKWARD, "Long", required=True),
            Parameter("choice", Select("a&b", "<c>"), "Choice", "Long", default="<c>"),
            Parameter("port", Port(), "Port", "Long", default="80", unique_group="port"),
            Parameter("wait", Integer(1, 5), "Wait", "Long", default="3", reloadable=True),
            Parameter("flag", Boolean(), "Flag", "Long", default="true"),
            Parameter("old", Url(), "Old", "Long", deprecated=AWKWARD, replaced_by="plain"),
            Parameter("older", String(), "Older", "Long", deprecated=""),
        ),
        actions=(
            Action("start", 20),
            Action("stop", 100),
            Action("monitor", 20, interval=10, depth=0),
            Action("promote", 5),
        ),
    )
    return metadata.render(service, service.name)


@pytest.fixture
def tree(text: str) -> etree._Element:
    return etree.fromstring(text.encode())


def parameter(tree: etree._Element, name: str) -> etree._Element:
    (found,) = [p for p in tree.iter("parameter") if p.get("name") == name]
    return found


def test_texts_come_back_as_they_were_declared(tree: etree._Element) -> None:
    assert tree.findtext("shortdesc") == AWKWARD
    assert tree.findtext("longdesc") == AWKWARD + "\n\n" + AWKWARD
    # pcs shows only the longdesc, so it also contains default and choices
    told = " ".join(parameter(tree, "plain").findtext("longdesc").split())
    assert told == f"{AWKWARD} Default: {AWKWARD}."
    assert "One of a&b, <c>." in parameter(tree, "choice").findtext("longdesc")
    assert parameter(tree, "plain").find("content").get("default") == AWKWARD
    assert parameter(tree, "plugin config").findtext("shortdesc") == AWKWARD
    assert [o.get("value") for o in parameter(tree, "choice").iter("option")] == ["a&b", "<c>"]
    assert parameter(tree, "old").findtext("deprecated/desc") == AWKWARD


def test_types_and_flags(tree: etree._Element) -> None:
    types = {p.get("name"): p.find("content").get("type") for p in tree.iter("parameter")}
    assert types == {
        "plain": "string",
        "plugin config": "string",
        "choice": "select",
        "port": "integer",
        "wait": "integer",
        "flag": "boolean",
        "old": "string",
        "older": "string",
    }
    assert dict(parameter(tree, "plain").attrib) == {"name": "plain"}
    assert parameter(tree, "plugin config").get("required") == "1"
    assert parameter(tree, "wait").get("reloadable") == "1"
    assert parameter(tree, "port").get("unique-group") == "port"
    assert parameter(tree, "plugin config").find("content").get("default") is None


def test_deprecation(tree: etree._Element) -> None:
    assert parameter(tree, "old").find("deprecated/replaced-with").get("name") == "plain"
    assert parameter(tree, "older").find("deprecated") is not None
    assert len(parameter(tree, "older").find("deprecated")) == 0
    assert parameter(tree, "plain").find("deprecated") is None


def test_actions(tree: etree._Element) -> None:
    assert [dict(action.attrib) for action in tree.iter("action")] == [
        {"name": "start", "timeout": "20s"},
        {"name": "stop", "timeout": "100s"},
        {"name": "monitor", "timeout": "20s", "interval": "10s", "depth": "0"},
        {"name": "promote", "timeout": "5s"},
    ]


def test_it_is_valid_for_both(text: str, tree: etree._Element) -> None:
    etree.RelaxNG(etree.parse(str(SCHEMA))).assertValid(tree)
    subprocess.run(["xmllint", "--noout", "--valid", "-"], input=text.encode(), check=True)


def test_lines_that_lcmc_looks_for(text: str) -> None:
    lines = text.splitlines()
    assert lines[0] == '<?xml version="1.0"?>'
    assert "</resource-agent>" in lines
    assert any(line.startswith('<resource-agent name="awkward"') for line in lines)
