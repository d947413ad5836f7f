"""The steps that a seed stands for. Nothing that happens meanwhile changes them: the same seed is
the same run, except for timing."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

# The expected state of an instance after a step.
UP, ILL, DOWN = "up", "ill", "down"

# The steps for an instance in each state, and their relative frequency.
WEIGHTS = {
    UP: {
        "start": 1,
        "stop": 3,
        "monitor": 1,
        "kill_parent": 3,
        "kill_worker": 2,
        "kill_workers": 1,
        "kill_watcher": 1,
        "freeze": 3,
        "interrupt_start": 1,
        "interrupt_stop": 3,
        "pair": 3,
        "lose_record": 1,
        "spoil_record": 1,
        "trouble": 3,
    },
    ILL: {
        "recover": 7,
        "start": 2,
        "stop": 2,
        "monitor": 1,
        "kill_parent": 1,
        "kill_worker": 1,
        "thaw": 1,
        "interrupt_stop": 2,
        "pair": 1,
        "lose_record": 1,
        "mend": 2,
    },
    DOWN: {
        "start": 6,
        "stop": 1,
        "monitor": 1,
        "interrupt_start": 4,
        "pair": 6,
    },
}
# The state after a step; other steps do not change it.
LEAVES = {
    "start": UP,
    "recover": UP,
    "stop": DOWN,
    "interrupt_start": ILL,
    "interrupt_stop": ILL,
    "pair": ILL,
    "kill_parent": ILL,
    "kill_workers": ILL,
    "freeze": ILL,
    "trouble": ILL,
}
# The share of the steps that affect what all instances share.
SHARED_SHARE = 0.15
NEIGHBOURS = ("broker", "database")
OUTAGES = ("go", "freeze")
LEVELS = ("0", "10", "20", "probe", "status")
WHO = ("parent", "worker", "workers", "all")
PAIRS = (
    *("start start", "start start", "start stop", "stop start", "stop stop"),
    *("start monitor", "stop monitor"),
)
MODES = ("500", "hang", "garbage", "close", "reset")
# How a daemon behaves from its next start on: settings of the stand-in besides the usual ones.
MANNERS: dict[str, dict[str, str]] = {
    "plain": {},
    "stubborn": {"ignore": "parent worker"},
    "scattered": {"double_fork": "yes", "orphans": "yes"},
    "apart": {"sessions": "yes", "orphans": "yes"},
    "slow": {"listen_after": "0.4", "linger": "0.4"},
    "gasping": {"last_gasp": "yes", "orphans": "yes"},
    "titled": {"title": "standin: rpc worker (/usr/bin/python3 -SB {line})"},
}
CHOICES: dict[str, Sequence[str]] = {
    "monitor": LEVELS,
    "freeze": WHO,
    "pair": PAIRS,
    "trouble": MODES,
    "start": tuple(MANNERS),
    "recover": tuple(MANNERS),
    "outage": OUTAGES,
    "spoil_record": ("half", "garbage", "nothing", "a stranger's PID"),
}


class Step(NamedTuple):
    """One step.

    action: a method of Acts. name: the instance or neighbour, empty for all. choice: the variant of
    the action. chance: 0 to 1, which selects one of several processes, or a delay.
    """

    action: str
    name: str
    choice: str = ""
    chance: float = 0.0


def steps(chooser: random.Random, names: Sequence[str]) -> Iterator[Step]:
    """Yield steps without end. The first ones start every instance."""
    for name in names:
        yield Step("start", name, chooser.choice(CHOICES["start"]))
    states, away = dict.fromkeys(names, UP), dict.fromkeys(NEIGHBOURS, False)
    while True:
        chance, name = chooser.random(), chooser.choice(names)
        if chooser.random() < SHARED_SHARE:
            neighbour = chooser.choice(NEIGHBOURS)
            if chooser.random() < SHARED_SHARE:
                action, name = "lose_state", ""
            else:
                action, name = "come_back" if away[neighbour] else "outage", neighbour
                away[neighbour] = not away[neighbour]
        elif any(away.values()) and chooser.random() < SHARED_SHARE:
            name = next(neighbour for neighbour, gone in away.items() if gone)
            action, away[name] = "come_back", False
        else:
            menu = WEIGHTS[states[name]]
            (action,) = chooser.choices(list(menu), list(menu.values()))
            states[name] = LEAVES.get(action, states[name])
        ways = CHOICES.get(action)
        yield Step(action, name, chooser.choice(ways) if ways else "", chance)
