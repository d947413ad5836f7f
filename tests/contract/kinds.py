"""Kinds of agents: a test that no single declaration can break runs on one agent of each kind.

Agents declare facts and the library acts (test_structure.py ensures it), so a test of the library
alone gives the same result for all agents of a kind. Tests of anything that a declaration can break
run on every agent.
"""

from __future__ import annotations

import functools
import os

from tests.calling import AGENTS, agents

# Differences on which the library acts; `def` or `class` marks an agent with code of its own.
SIGNS = (
    *("    api=", "authenticated=", "Uwsgi(", "extra_actions=", "left_running="),
    *("\ndef ", "\nclass "),
)


def is_alias(agent: str) -> bool:
    """Is this an older name, which is a link to the current agent?"""
    return (AGENTS / agent).is_symlink()


def current(agent: str) -> str:
    """The agent to which an alias is a link, or the agent itself."""
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
