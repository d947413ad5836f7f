"""Commands that create a resource of an agent with pcs and with crmsh, as lines to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from manual.described import Action, Agent, Parameter

Commands = Callable[[Agent, bool], "list[str]"]
INDENT = "  "
# Columns left on a terminal of 80 columns after the page's indentation.
WIDTH = 66


def pcs(agent: Agent, clone: bool) -> list[str]:
    """Returns the pcs command.

    pcs takes operations that are not given from the meta-data, but sets no OCF_CHECK_LEVEL for
    depth 0; without OCF_CHECK_LEVEL a monitor has depth 10.
    """
    words = [*_fitted(f"pcs resource create {_id(agent)}", _type(agent)), *_settings(agent)]
    words += _operations(agent)
    return _continued([*words, "clone interleave=true"] if clone else words)


def crmsh(agent: Agent, clone: bool) -> list[str]:
    """Returns the crmsh commands.

    A clone is created in one transaction, so that its first instance does not start uncloned.
    """
    settings = [f"params {' '.join(values)}" for values in [_settings(agent)] if values]
    words = [*settings, *_operations(agent)]
    if not clone:
        first = _fitted(f"crm configure primitive {_id(agent)}", _type(agent))
        return _continued([*first, *words])
    primitive = [*_fitted(f"primitive {_id(agent)}", _type(agent)), *words]
    cloned = _fitted(f"clone {_id(agent)}-clone", _id(agent), "meta interleave=true")
    lines = [*_continued(primitive), *_continued(cloned)]
    return ["crm configure << END", *lines, "commit", "END"]


def _id(agent: Agent) -> str:
    return f"p_{agent.name}"


def _type(agent: Agent) -> str:
    return f"ocf:openstack:{agent.name}"


def _fitted(*words: str) -> list[str]:
    """Joins the words to one line if they fit with the backslash that follows."""
    line = " ".join(words)
    return [line] if len(line) <= WIDTH - 2 else list(words)


def _settings(agent: Agent) -> list[str]:
    """Returns the required parameters."""
    return [f"{shlex.quote(p.name)}={_value(p)}" for p in agent.parameters if p.is_required]


def _value(parameter: Parameter) -> str:
    """Returns the example value in the description ("such as ..."), or a value of the type."""
    named = re.search(r"such as (\S*[^\s.,;:)])", " ".join(parameter.long))
    usual = {"integer": "1", "boolean": "true"}.get(parameter.kind, "VALUE")
    return shlex.quote(named[1] if named else next(iter(parameter.options), usual))


def _operations(agent: Agent) -> list[str]:
    shown = [action for action in agent.actions if action.name in ("start", "stop", "monitor")]
    return [_operation(action, names_depth=len(agent.depths) > 1) for action in shown]


def _operation(action: Action, names_depth: bool) -> str:
    words = ["op", action.name, f"interval={action.interval or '0s'}", f"timeout={action.timeout}"]
    if names_depth and action.depth is not None:
        words.append(f"OCF_CHECK_LEVEL={action.depth}")
    return " ".join(words)


def _continued(words: list[str]) -> list[str]:
    """Splits one command over several lines."""
    first, *rest = words
    lines = [first, *(INDENT + word for word in rest)]
    return [line + " \\" for line in lines[:-1]] + lines[-1:]
