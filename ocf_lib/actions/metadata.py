"""meta-data: what an agent declares, for every program that reads it.

Source: OCF resource agent API 1.1, its RelaxNG schema ra-api.rng, and how pcs, crmsh, LCMC, Hawk
and ocf-tester read it.
"""

from __future__ import annotations

import textwrap

from ocf_lib import VERSION, libraries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocf_lib.declare.parameters import Parameter
    from ocf_lib.declare.service import Action, Service

WIDTH = 76
# ocf-tester validates against a DTD of OCF 1.0, which a document of 1.1 cannot pass. With this DTD
# in the document itself, which allows everything, xmllint finds the document valid.
ELEMENTS = {
    "resource-agent": "name version",
    "version": "",
    "longdesc": "lang",
    "shortdesc": "lang",
    "parameters": "",
    "parameter": "name required reloadable unique-group",
    "deprecated": "",
    "replaced-with": "name",
    "desc": "lang",
    "content": "type default",
    "option": "value",
    "actions": "",
    "action": "name timeout interval depth",
}


def render(service: Service, name: str) -> str:
    """The XML document, with a line break at its end. Raises NotInstalled without lxml.

    name: the name under which the agent was called, the service's own or one of its aliases.
    """
    libraries.need("lxml", "python3-lxml")
    from lxml import etree

    title, longdesc = service.title, service.longdesc
    if name != service.name:
        title = f"Older name of {service.name}"
        longdesc = (
            f"{name} is an older name of the agent {service.name}. Both run the same.\n\n{longdesc}"
        )
    root = etree.Element("resource-agent", name=name, version=VERSION)
    _text(root, "version", "1.1", lang=False)
    _text(root, "longdesc", longdesc)
    _text(root, "shortdesc", title)
    parameters = etree.SubElement(root, "parameters")
    for parameter in service.parameters:
        _parameter(parameters, parameter)
    actions = etree.SubElement(root, "actions")
    for action in service.actions:
        etree.SubElement(actions, "action", _attributes(action))
    document: bytes = etree.tostring(
        root, pretty_print=True, xml_declaration=True, encoding="utf-8", doctype=_doctype()
    )
    # LCMC looks for the declaration and the root's tags each on a line of its own
    return document.decode("utf-8").replace("version='1.0' encoding='utf-8'", 'version="1.0"')


def _parameter(parent: Any, parameter: Parameter) -> None:
    from lxml import etree

    facts = {"name": parameter.name}
    if parameter.required:
        facts["required"] = "1"
    if parameter.reloadable:
        facts["reloadable"] = "1"
    if parameter.unique_group:
        facts["unique-group"] = parameter.unique_group
    element = etree.SubElement(parent, "parameter", facts)
    if parameter.deprecated is not None:
        deprecated = etree.SubElement(element, "deprecated")
        if parameter.replaced_by:
            etree.SubElement(deprecated, "replaced-with", name=parameter.replaced_by)
        if parameter.deprecated:
            _text(deprecated, "desc", parameter.deprecated)
    choices = getattr(parameter.kind, "choices", ())
    # pcs shows the longdesc and nothing else
    told = [parameter.long, f"One of {', '.join(choices)}." if choices else ""]
    told.append("" if parameter.default is None else f"Default: {parameter.default}.")
    _text(element, "longdesc", " ".join(filter(None, told)))
    _text(element, "shortdesc", parameter.short)
    content = etree.SubElement(element, "content", type=parameter.kind.content)
    if parameter.default is not None:
        content.set("default", parameter.default)
    for choice in choices:
        etree.SubElement(content, "option", value=choice)


def _attributes(action: Action) -> dict[str, str]:
    facts = {"name": action.name, "timeout": f"{action.timeout}s"}
    if action.interval is not None:
        facts["interval"] = f"{action.interval}s"
    if action.depth is not None:
        facts["depth"] = str(action.depth)
    return facts


def _text(parent: Any, name: str, text: str, lang: bool = True) -> None:
    from lxml import etree

    element = etree.SubElement(parent, name, {"lang": "en"} if lang else {})
    # crmsh shows the lines as they are, pcs wraps them again
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n"))
    # a path or a default that is broken at a hyphen would read as two words
    lines = (textwrap.fill(p, WIDTH, break_on_hyphens=False) for p in paragraphs)
    element.text = "\n\n".join(lines)


def _doctype() -> str:
    lines = []
    for name, attributes in ELEMENTS.items():
        lines.append(f"<!ELEMENT {name} ANY>")
        lines += [f"<!ATTLIST {name} {one} CDATA #IMPLIED>" for one in attributes.split()]
    return "<!DOCTYPE resource-agent [\n" + "\n".join(lines) + "\n]>"
