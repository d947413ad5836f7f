"""Which agents differ in kind: what cannot depend on one agent's declaration runs over one of each.

Agents declare facts and the library acts (test_structure.py sees to it), so what exercises the
library alone says the same for all agents of a kind. Everything that a declaration can break runs
over every agent.
"""

from __future__ import annotations

import functools
import os

from tests.calling import AGENTS, agents

# What the library acts on in different ways; a `def` or a `class` is an agent with code of its own.
SIGNS = (
    *("    api=", "authenticated=", "Uwsgi(", "extra_actions=", "left_running="),
    *("\ndef ", "\nclass "),
)


def is_alias(agent: str) -> bool:
    """An older name: a link to the agent of today's."""
    return (AGENTS / agent).is_symlink()


def current(agent: str) -> str:
    """The agent that an alias is a link to, or itself."""
    return os.path.basename(os.path.realpath(AGENTS / agent))


def names(agent: str) -> list[str]:
    """All names of this agent, aliases included."""
    return [name for name in agents() if current(name) == current(agent)]


def declaration(agent: str) -> str:
    return (AGENTS / agent).read_text()


def kind(agent: str) -> tuple[str, ...]:
    if is_alias(agent):
        return ("alias",)
    return tuple(sign for sign in SIGNS if sign in declaration(agent))


@functools.lru_cache(maxsize=1)
def typical() -> list[str]:
    """The first agent of each kind."""
    first: dict[tuple[str, ...], str] = {}
    for agent in agents():
        first.setdefault(kind(agent), agent)
    return sorted(first.values())
