"""Parameters as tests set them: what is declared, and wrong values for it."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

MISSING = {
    "binary": "/nonexistent/bin/daemon",
    "config": "/nonexistent/etc/service.conf",
    "user": "no-such-user",
}
# What is wrong for each type.
WRONG = {
    "string": "two\nlines",
    "integer": "many",
    "boolean": "perhaps",
    "select": "something else",
}


def names(tree: etree._Element) -> list[str]:
    return [parameter.get("name") for parameter in tree.iter("parameter")]


def has_api(tree: etree._Element) -> bool:
    return "api_timeout" in names(tree)


def wrong(tree: etree._Element) -> dict[str, str]:
    """A wrong value for every parameter."""
    return {
        parameter.get("name"): WRONG[parameter.find("content").get("type")]
        for parameter in tree.iter("parameter")
    }


def declared(tree: etree._Element, values: Mapping[str, object]) -> dict[str, object]:
    """Those of the values whose parameter the agent has."""
    return {name: value for name, value in values.items() if name in names(tree)}


def files(tree: etree._Element) -> list[str]:
    """The parameters that name a file of configuration by default, without those of no effect."""
    return [
        parameter.get("name")
        for parameter in tree.iter("parameter")
        if parameter.find("content").get("default", "").startswith("/etc/")
        and (parameter.find("deprecated") is None or parameter.get("name") in newer(tree))
    ]


def newer(tree: etree._Element) -> dict[str, str]:
    """What to use in place of each older name of a parameter."""
    found = ((p.get("name"), p.find("deprecated/replaced-with")) for p in tree.iter("parameter"))
    return {name: by.get("name") for name, by in found if by is not None}


def keys(values: Mapping[str, object]) -> dict[str, str]:
    """As the environment carries them."""
    return {f"OCF_RESKEY_{name}": str(value) for name, value in values.items()}
