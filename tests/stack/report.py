"""What ran on what, for the table at the end of a pytest run."""

from __future__ import annotations

from collections.abc import Mapping

REAL, STAND_IN = "the real daemon", "the stand-in"
_notes: dict[str, dict[str, dict[str, object]]] = {REAL: {}, STAND_IN: {}}


def note(agent: str, kind: str, facts: Mapping[str, object] | None = None) -> None:
    """Remember that `agent` ran on `kind` (REAL or STAND_IN), and what was seen of it."""
    _notes[kind].setdefault(agent, {}).update(facts or {})


def lines() -> list[str]:
    """The tables, one line an agent; none for a kind on which nothing ran."""
    shown: list[str] = []
    for kind, agents in _notes.items():
        if not agents:
            continue
        columns = list(dict.fromkeys(name for facts in agents.values() for name in facts))
        rows = [["agent", *columns]]
        rows += [
            [agent, *(str(facts.get(name, "")) for name in columns)]
            for agent, facts in sorted(agents.items())
        ]
        widths = [max(map(len, column)) for column in zip(*rows)]
        shown.append(f"ran on {kind}:")
        shown += ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return shown
