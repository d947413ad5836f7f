"""An agent's meta-data, as objects."""

from __future__ import annotations

import dataclasses
from xml.etree import ElementTree

# The phrases of a longdesc that say how to run the agent; both appear if it can be run both ways.
CLONED, SINGLE = "run it active/active, as a clone", "run it active/passive"


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter.

    deprecated: None if it is current, otherwise what the meta-data says about it, which may be "".
    """

    name: str
    short: str
    long: list[str]
    kind: str
    default: str | None
    options: list[str]
    is_required: bool
    is_reloadable: bool
    unique_group: str | None
    deprecated: str | None
    replaced_by: list[str]


@dataclasses.dataclass(frozen=True)
class Action:
    """One action as advertised; times include their unit, such as 20s."""

    name: str
    timeout: str
    interval: str | None
    depth: int | None


@dataclasses.dataclass(frozen=True)
class Agent:
    """One agent. aliases: older names, which are links to the agent's file."""

    name: str
    version: str
    title: str
    long: list[str]
    parameters: list[Parameter]
    actions: list[Action]
    aliases: list[str]

    @property
    def is_cloned(self) -> bool:
        """Whether it can be a clone, perhaps only under conditions."""
        return self._says(CLONED)

    @property
    def is_single(self) -> bool:
        """Whether it must not be a clone, perhaps only under conditions."""
        return self._says(SINGLE)

    def _says(self, words: str) -> bool:
        return words in " ".join(self.long).lower()

    @property
    def depths(self) -> list[int]:
        """The depths of its monitors."""
        return [action.depth for action in self.actions if action.depth is not None]

    def has(self, parameter: str) -> bool:
        return any(p.name == parameter for p in self.parameters)


def read(xml: bytes, aliases: list[str]) -> Agent:
    """Returns the agent that printed `xml`."""
    root = ElementTree.fromstring(xml)  # noqa: S314 - one of our own agents printed it
    return Agent(
        name=root.get("name", ""),
        version=root.get("version", ""),
        title=root.findtext("shortdesc", ""),
        long=_paragraphs(root),
        parameters=[_parameter(element) for element in root.iter("parameter")],
        actions=[_action(element) for element in root.iter("action")],
        aliases=aliases,
    )


def _parameter(element: ElementTree.Element) -> Parameter:
    content = element.find("content")
    assert content is not None
    default, options = content.get("default"), [o.get("value", "") for o in content.iter("option")]
    long = _paragraphs(element)
    # The text ends with default and choices for pcs, which shows only the text. The page has them
    # at the beginning.
    repeated = ["" if default is None else f"Default: {default}."]
    repeated.append(f"One of {', '.join(options)}." if options else "")
    for said in repeated:
        long[-1] = long[-1].removesuffix(" ".join(said.split())).rstrip()
    deprecated = element.find("deprecated")
    return Parameter(
        name=element.get("name", ""),
        short=element.findtext("shortdesc", ""),
        long=long,
        kind=content.get("type", ""),
        default=default,
        options=options,
        is_required=element.get("required") == "1",
        is_reloadable=element.get("reloadable") == "1",
        unique_group=element.get("unique-group"),
        deprecated=None if deprecated is None else deprecated.findtext("desc", ""),
        replaced_by=[new.get("name", "") for new in element.iter("replaced-with")],
    )


def _action(element: ElementTree.Element) -> Action:
    depth = element.get("depth")
    return Action(
        name=element.get("name", ""),
        timeout=element.get("timeout", ""),
        interval=element.get("interval"),
        depth=None if depth is None else int(depth),
    )


def _paragraphs(element: ElementTree.Element) -> list[str]:
    """Returns the paragraphs of the longdesc, each as one line."""
    text = element.findtext("longdesc", "")
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]
