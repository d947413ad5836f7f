"""Which agents ran on what kind of daemon, for the tables at the end of a pytest run."""

from __future__ import annotations

from collections.abc import Mapping

REAL, STAND_IN = "the real daemon", "the stand-in"
_notes: dict[str, dict[str, dict[str, object]]] = {REAL: {}, STAND_IN: {}}


def note(agent: str, kind: str, facts: Mapping[str, object] | None = None) -> None:
    """Remember that `agent` ran on `kind` (REAL or STAND_IN), and these facts for its line."""
    _notes[kind].setdefault(agent, {}).update(facts or {})


def lines() -> list[str]:
    """The lines of the tables, one for each agent. A kind on which nothing ran has no table."""
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
