"""Values of parameters for tests: declared parameters, and wrong values for them."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

MISSING = {
    "binary": "/nonexistent/bin/daemon",
    "config": "/nonexistent/etc/service.conf",
    "user": "no-such-user",
}
# A wrong value for each type.
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
    """The values whose parameters the agent has."""
    return {name: value for name, value in values.items() if name in names(tree)}


def files(tree: etree._Element) -> list[str]:
    """The parameters whose default is a configuration file, without those that have no effect."""
    return [
        parameter.get("name")
        for parameter in tree.iter("parameter")
        if parameter.find("content").get("default", "").startswith("/etc/")
        and (parameter.find("deprecated") is None or parameter.get("name") in newer(tree))
    ]


def newer(tree: etree._Element) -> dict[str, str]:
    """The current name for each older name of a parameter."""
    found = ((p.get("name"), p.find("deprecated/replaced-with")) for p in tree.iter("parameter"))
    return {name: by.get("name") for name, by in found if by is not None}


def keys(values: Mapping[str, object]) -> dict[str, str]:
    """The values as environment variables."""
    return {f"OCF_RESKEY_{name}": str(value) for name, value in values.items()}
