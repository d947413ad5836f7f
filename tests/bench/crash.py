"""Keystone crashes on a real cluster with a monitor interval of 30 s: how long until clients get
tokens again, and how much of that is Keystone's own start?"""

from __future__ import annotations

import contextlib
import io
import statistics
from pathlib import Path
from typing import Any

from tests.bed.bed import Bed
from tests.bed.keystone import BINDS
from tests.bed.play import Play

ROUNDS = 5
# Seconds beyond Keystone's own start: 2 s in all for a daemon that takes 1 s to start.
LIMIT = 1.0


def measure(stage: Path) -> dict[str, Any]:
    """Return medians over ROUNDS crashes, in seconds."""
    with Bed(3, [stage], BINDS) as bed, contextlib.redirect_stdout(io.StringIO()):
        play = Play(bed)
        try:
            play.build()
            play.configure()
            play.first_token()
            for _ in range(ROUNDS):
                play.kill_daemon()
                play.cluster.pcs("resource", "cleanup", "p_keystone")
        finally:
            play.end()
    crashes = play.timeline.faults
    backs = [fault.back - fault.at for fault in crashes]
    alone = [fault.alone for fault in crashes]
    return {
        "calls": len(crashes),
        "back": statistics.median(backs),
        "alone": statistics.median(alone),
        "beyond": statistics.median(back - own for back, own in zip(backs, alone)),
        "limit": LIMIT,
    }
