"""Keystone crashes on a real cluster with a monitor interval of 30 s: how long until clients get
tokens again, where does that time go, and how long does Keystone need that is started by hand?"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import statistics
import time
from pathlib import Path
from typing import Any

from tests.bed.bed import Bed, BedError
from tests.bed.keystone import ADDRESS, BINDS, LOG, PASSWORD
from tests.bed.node import Node, leader
from tests.bed.play import FAULT_SECONDS, FIRST_TOKEN_SECONDS, Play
from tests.bed.waiting import wait_until
from tests.bench.asking import Client
from tests.bench.recovery import OURS, PACEMAKER, STEPS, Way, birth_of

ROUNDS = 5
# The time from the kill to the next token, against Keystone's own start in the same run.
LIMIT = 1.2
NAME = "p_keystone"
DAEMON = "keystone-uwsgi.ini"


def measure(stage: Path) -> dict[str, Any]:
    """Return medians over ROUNDS crashes, in seconds."""
    with Bed(3, [stage], BINDS) as bed, contextlib.redirect_stdout(io.StringIO()):
        play = Play(bed)
        try:
            play.build()
            play.configure()
            play.tokens = Client(bed, ADDRESS, 5000, "admin", PASSWORD)
            play.wait_token(0)
            crashes, alone = [], []
            for _ in range(ROUNDS):
                crashes.append(crash(play))
                alone.append(by_hand(play))
        finally:
            play.end()
    backs, ways = zip(*crashes)
    known = [way for way in ways if way is not None]
    return {
        "calls": ROUNDS,
        "back": statistics.median(backs),
        "alone": statistics.median(alone),
        "limit": LIMIT,
        "known": len(known),
        "steps": steps(known),
    }


def steps(ways: list[list[float]]) -> list[dict[str, Any]]:
    """Return the median of each step. A step of ours may take as long as Pacemaker's steps take
    together: that is its limit. No way, no steps: the report then says that they are missing."""
    if not ways:
        return []
    medians = [statistics.median(times) for times in zip(*ways)]
    owned = [(owner, seconds) for (_, owner), seconds in zip(STEPS, medians)]
    its = sum(seconds for owner, seconds in owned if owner == PACEMAKER)
    return [
        {
            "name": name,
            "owner": owner,
            "seconds": seconds,
            "limit": its if owner == OURS else None,
        }
        for (name, owner), seconds in zip(STEPS, medians)
    ]


def crash(play: Play) -> tuple[float, list[float] | None]:
    """Kill the daemon; return the seconds until the next token, and those of each step of the way
    (None if they are not known). Raises TimeoutError."""
    cluster = play.cluster
    cluster.wait_idle()
    node = play.bed.node(cluster.wait_running(NAME))
    known, way, old = play.history(), Way(node, f"{LOG}/keystone.log"), its_leader(node)
    at = time.time()
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: play.history() != known, FAULT_SECONDS, "Pacemaker sees the crash")
    cluster.wait_idle(FAULT_SECONDS)
    where = cluster.wait_running(NAME, deadline=FAULT_SECONDS)
    play.wait_token(time.time())  # until then, the last failure may not be recorded yet
    back = play.wait_token(at)
    found = None
    if where == node.name:
        found = way.steps(NAME, at, birth_of(its_leader(node)), back)
    cluster.pcs("resource", "cleanup", NAME)
    cluster.wait_idle()
    return back - at, found


def by_hand(play: Play) -> float:
    """Start Keystone with the command that the agent ran, but without the agent; return the seconds
    from its birth to the first token. Afterwards the cluster runs it again. Raises TimeoutError."""
    cluster, tokens = play.cluster, play.tokens
    assert tokens
    node = play.bed.node(cluster.wait_running(NAME))
    command = Path(f"/proc/{its_leader(node)}/cmdline").read_text().split("\0")[:-1]
    cluster.pcs("resource", "disable", NAME, "--wait=60")
    user = ("setpriv", "--reuid=keystone", "--regid=keystone", "--init-groups", "--")
    quietly = ("sh", "-c", 'setsid "$@" < /dev/null > /dev/null 2>&1 &', "sh")
    begun = time.time()
    node.run(*user, *quietly, *command)
    token = wait_until(lambda: tokens.token_since(begun), FIRST_TOKEN_SECONDS, "a token")
    assert token
    pid = its_leader(node)
    born = birth_of(pid)
    os.kill(pid, signal.SIGKILL)  # its workers end with it
    wait_until(lambda: not node.pids(DAEMON), FAULT_SECONDS, "the Keystone started by hand ended")
    cluster.pcs("resource", "enable", NAME, "--wait=120")
    return token.ended - born


def its_leader(node: Node) -> int:
    """Return the PID of the Keystone that runs on a node. Raises BedError unless it is one."""
    try:
        return leader(node.processes(DAEMON))
    except ValueError:
        raise BedError(f"{node} runs no Keystone, or more than one") from None
