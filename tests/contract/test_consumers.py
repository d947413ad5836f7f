"""The programs that operators read an agent's description with, on the agents as installed."""

from __future__ import annotations

import pytest
from lxml import etree

from tests.contract.node import Installed

pytestmark = pytest.mark.root


def names(tree: etree._Element, deprecated: bool = True) -> list[str]:
    return [
        parameter.get("name")
        for parameter in tree.iter("parameter")
        if deprecated or parameter.find("deprecated") is None
    ]


def listed(text: str) -> set[str]:
    """First words of lines, without what follows them in brackets."""
    words = (line.split() for line in text.splitlines())
    return {found[0].rstrip(":") for found in words if found}


def test_crm_resource_shows_what_the_agent_printed(
    agent: str, installed: Installed, text: str
) -> None:
    done = installed("crm_resource", "--show-metadata", f"ocf:openstack:{agent}")
    assert done.code == 0, done.err
    assert done.out.strip() == text.strip()


def test_crm_resource_lists_it(agent: str, installed: Installed) -> None:
    done = installed("crm_resource", "--list-agents", "ocf:openstack")
    assert done.code == 0, done.err
    assert agent in done.out.split()


def test_crm_resource_validates_it(agent: str, installed: Installed) -> None:
    words = ("crm_resource", "--validate", "--class=ocf", "--provider=openstack")
    good = installed(*words, f"--agent={agent}", "--output-as=xml")
    assert good.code == 0, good
    bad = installed(*words, f"--agent={agent}", "--option", "config=nowhere", "--output-as=xml")
    assert bad.code == 6, bad


def test_pcs_describes_every_parameter_and_monitor(
    agent: str, installed: Installed, tree: etree._Element
) -> None:
    done = installed("pcs", "resource", "describe", f"ocf:openstack:{agent}")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"ocf:openstack:{agent} - {tree.findtext('shortdesc')}\n")
    assert set(names(tree, deprecated=False)) <= listed(done.out)
    for action in tree.iter("action"):
        depth = action.get("depth")
        if depth not in (None, "0"):
            assert f"OCF_CHECK_LEVEL={depth}" in done.out
    full = installed("pcs", "resource", "describe", "--full", f"ocf:openstack:{agent}")
    assert set(names(tree)) <= listed(full.out)


def test_pcs_lists_it(agent: str, installed: Installed, tree: etree._Element) -> None:
    done = installed("pcs", "resource", "list", f"openstack:{agent}")
    assert f"ocf:openstack:{agent} - {tree.findtext('shortdesc')}" in done.out.splitlines()


def test_crmsh_shows_every_parameter_default_and_operation(
    agent: str, installed: Installed, tree: etree._Element
) -> None:
    done = installed("crm", "ra", "info", f"ocf:openstack:{agent}")
    assert done.code == 0
    assert "ERROR" not in done.out + done.err
    lines = done.out.splitlines()
    for parameter in tree.iter("parameter"):
        content = parameter.find("content")
        kind = content.get("type")
        default = content.get("default")
        known = kind if default is None else f"{kind}, [{default}]"
        star = "*" if parameter.get("required") == "1" else ""
        title = f"{parameter.get('name')}{star} ({known}): {parameter.findtext('shortdesc')}"
        assert title in lines
    for action in tree.iter("action"):
        if action.get("depth"):
            assert any(
                f"timeout={action.get('timeout')} interval={action.get('interval')}" in line
                and line.endswith(f"depth={action.get('depth')}")
                for line in lines
            )


def test_crmsh_lists_it(agent: str, installed: Installed) -> None:
    assert agent in installed("crm", "ra", "list", "ocf", "openstack").out.split()
