"""Small made-up findings in the form that the runs of `make bench` return."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.bench.measurement import Bars, Claim, Column, Measurement, Row, Section, section


def figure(
    name: str, ratio: float, limit: float | None = None, ours: bool = True
) -> dict[str, Any]:
    milliseconds = 7.5 * ratio
    made = {"name": name, "milliseconds": milliseconds, "ratio": ratio, "limit": limit}
    return {**made, "calls": 100, "is_ours": ours}


def host(*figures: dict[str, Any]) -> dict[str, Any]:
    bare = figure("bare python3 -I -S", 1.0)
    return {"sockets": 32, "processes": 22, "figures": [bare, *figures]}


def transition(nodes: int, event: str, actions: int, limit: int | None = None) -> dict[str, Any]:
    its = {"nodes": nodes, "event": event, "actions": actions, "kinds": {}, "limit": limit}
    return {**its, "seconds": 0.003 * nodes**2 + 0.1}


def everything() -> dict[str, Any]:
    """Return findings of every run, all within their limits."""
    prompt = [
        {"name": "start", "ratio": 4.5, "seconds": 0.037, "longest": 0.2, "limit": 10, "calls": 15},
        {"name": "stop", "ratio": 2.9, "seconds": 0.024, "longest": 0.025, "limit": 6, "calls": 7},
    ]
    quiet = host(
        figure("process check", 1.08, 1.4),
        figure("API check", 1.13, 1.7),
        figure("level 20: log-in", 80.05),
        figure("shell: netstat for a connection", 3.19, ours=False),
    )
    paper = {"resources": 45, "calls": 100, "seconds": 60, "percent": 1.64, "limit": 1.2}
    paper |= {"milliseconds": 9.8, "bare_percent": 1.39, "bare_milliseconds": 8.3, "ratio": 1.18}
    steps = [
        {"name": "Pacemaker decides", "owner": "Pacemaker", "seconds": 0.05, "limit": None},
        {"name": "stop", "owner": "ours", "seconds": 0.04, "limit": 0.05},
        {"name": "the daemon starts", "owner": "Keystone", "seconds": 2.9, "limit": None},
    ]
    fault = {"request": "token", "rounds": 3, "requests": 420, "noticed": 0.6, "recovered": 1.7}
    fault |= {"longest": 1.95, "corosync": 0.61, "pacemaker": 0.95, "fencing": None, "limit": 2.0}
    moved = {**fault, "fault": "pcs resource move", "gap": 0.0, "failed": 0, "noticed": None}
    node = {"resources": 21, "agents": 0.92, "pacemaker": 0.21, "corosync": 0.35, "limit": 1.7}
    node |= {"bare": 0.8, "ratio": 1.15}
    measured = {"measured": "2026-11-25T22:10:00Z", "command": "make cluster-measure"}
    sizes = (3, 16, 32)
    transitions = [transition(nodes, "first start of all", 257 * nodes) for nodes in sizes]
    transitions += [transition(nodes, "Keystone fails", 5, 5) for nodes in sizes]
    polled = {"name": "keystone", "polls": 44, "healthy": 43, "degraded": 1, "slowest": 14.2}
    polled |= {"restarts": 0, "failed": 0, "killed": 0, "slowest_depth": 20}
    polled["others"] = [{"code": 190, "reason": "API did not answer", "seconds": 11.0, "depth": 10}]
    stuck = {"name": "keystone", "polls": 1, "seconds": 12.5, "codes": [1], "reason": "silent"}
    spins = {"name": "keystone", "seconds": 31.0, "excused": 2, "early": False}
    return {
        "quiet": {**quiet, "promptness": prompt},
        "busy": host(figure("process check", 1.11, 1.4), figure("probe, nothing runs", 43.1)),
        "paper": paper,
        "logins": {**paper, "resources": 26, "log_ins": 1},
        "starved": {
            "seconds": 300,
            "loops": 16,
            "grace": 20,
            "eaten": 12 << 30,
            "loads": [{"load": "16 loops", "services": [polled]}],
            "deadlocked": [stuck],
            "spinning": [spins],
        },
        "crash": {"calls": 5, "back": 3.4, "alone": 2.9, "limit": 1.2, "known": 5, "steps": steps},
        "scale": {
            "agents": 60,
            "bare": 0.0075,
            "rounds": 2,
            "transitions": transitions,
            "verified": [{"nodes": 3, "state": "first start", "complaints": 0, "said": []}],
        },
        "failover": {
            **measured,
            "nodes": 3,
            "interval": 0.1,
            "faults": [{**fault, "fault": "node killed", "gap": 1.83, "failed": 12}, moved],
        },
        "idle": {**measured, "seconds": 120, "nodes": [{**node, "node": "node-1"}]},
        "storm": {
            **measured,
            "outages": [{"gone": ["broker", "database"], "back": 100.0, "healed": 109.0}],
            "problems": [],
        },
    }


def one(rows: Sequence[Row], plot: Bars = Bars(), claim: Claim | None = None) -> Section:  # noqa: B008
    columns = [Column("s")] * max((len(row.figures) for row in rows), default=1)
    measurement = Measurement(
        "quiet", "Title", columns, lambda _: list(rows), lambda _: "told", (plot,), claim
    )
    return section(measurement, None, "make it")
