"""Every measurement of the report, declared once; text, page and JSON are made from this."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.bench.measurement import Bars, Claim, Column, Curves, Measurement, Row
from tests.storm.__main__ import HEAL_SECONDS

RATIO = Column("bare python3 = 1")
MILLISECONDS = Column("ms", 1)
SECONDS = Column("s")
FAILOVER = Claim("failover in 2 seconds", 2.0, 2.0)
SHARE = Claim("1 or 2 % of the CPU", 1.0, 2.0)


# The columns of a busy host.
POLLED = ("restarts", "failed", "killed", "polls", "healthy", "degraded", "slowest")


def costs(found: Any) -> list[Row]:
    """Return a row for each case except the first, the bare interpreter."""
    return [
        Row(each["name"], (each["ratio"], each["milliseconds"]), each["limit"], each["is_ours"])
        for each in found["figures"][1:]
    ]


def costs_told(found: Any) -> str:
    bare = found["figures"][0]
    return (
        f"{found['sockets']:,} open sockets, {found['processes']:,} processes; CPU of one call and "
        f"the children that it waited for, median of {bare['calls']} calls (a tenth as many for "
        f"rare calls); 1.00 = {bare['name']}, {bare['milliseconds']:.1f} ms"
    )


def cost(run: str, host: str) -> Measurement:
    columns = (RATIO, MILLISECONDS)
    title = f"What a call costs on a {host} host"
    return Measurement(run, title, columns, costs, costs_told, (Bars(is_log=True),))


def promptness(found: Any) -> list[Row]:
    return [
        Row(each["name"], (each["ratio"], each["seconds"], each["longest"]), each["limit"])
        for each in found["promptness"]
    ]


def paper(found: Any) -> list[Row]:
    ours = found["ratio"], found["percent"], found["milliseconds"]
    bare = 1.0, found["bare_percent"], found["bare_milliseconds"]
    return [
        Row(f"{found['resources']} resources", ours, found["limit"]),
        Row("as many bare interpreters", bare, is_ours=False),
    ]


def log_ins(found: Any) -> list[Row]:
    return [Row(f"log-ins of {found['resources']} resources", (found["log_ins"],), 1)]


def crash(found: Any) -> list[Row]:
    ratio = found["back"] / found["alone"]
    return [
        Row("from the kill to the next token", (ratio, found["back"]), found["limit"]),
        Row("Keystone started by hand, to a token", (1.0, found["alone"]), is_ours=False),
    ]


def way(found: Any) -> list[Row]:
    return [
        Row(
            f"{each['name']} ({each['owner']})",
            (each["seconds"],),
            each["limit"],
            each["owner"] == "ours",
        )
        for each in found["steps"]
    ]


def starved(found: Any) -> list[Row]:
    return [
        Row(f"{each['name']} beside {load['load']}", [each[key] for key in POLLED], 0)
        for load in found["loads"]
        for each in load["services"]
    ]


def starved_told(found: Any) -> str:
    reasons = [
        f"{each['name']}: {other['reason']}"
        for load in found["loads"]
        for each in load["services"]
        for other in each["others"]
    ]
    return (
        f"{found['seconds']:g} s each, at the intervals and time-outs that the agents advertise; "
        f"memory: a process keeps {found['eaten'] / 2**30:.1f} GiB, half of what was available, in "
        f"use; {said(reasons[:5], 'every poll was healthy')}"
    )


def spun(each: Any) -> float | None:
    """1 if a spinning service failed too early, None if it did not fail at all."""
    return None if each["seconds"] is None else float(each["early"])


def transitions(found: Any) -> list[Row]:
    rows = []
    for each in found["transitions"]:
        seconds, nodes = each["seconds"], each["nodes"]
        figures = each["actions"], each["actions"] / nodes, seconds, seconds / found["bare"]
        name = f"{each['event']}, {nodes} nodes"
        rows.append(Row(name, figures, each["limit"], at=(each["event"], nodes)))
    return rows


def verified(found: Any) -> list[Row]:
    return [
        Row(f"{each['nodes']} nodes, {each['state']}", (each["complaints"],), 0)
        for each in found["verified"]
    ]


def failovers(found: Any) -> list[Row]:
    keys = ("gap", "corosync", "pacemaker", "fencing", "longest", "failed", "recovered")
    return [
        Row(f"{each['fault']}: {each['request']}", [each[key] for key in keys], each["limit"])
        for each in found["faults"]
    ]


def idle(found: Any) -> list[Row]:
    rows = []
    for each in found["nodes"]:
        name = f"{each['node']}: agents of {each['resources']} resources"
        rows.append(Row(name, (each["ratio"], each["agents"]), each["limit"]))
        for other in ("pacemaker", "corosync"):
            ratio = each[other] / each["bare"] if each["bare"] else None
            rows.append(Row(f"{each['node']}: {other}", (ratio, each[other]), is_ours=False))
    return rows


def storm(found: Any) -> list[Row]:
    rows = []
    for each in found["outages"]:
        healed = None if each["healed"] is None else each["healed"] - each["back"]
        rows.append(Row(" + ".join(each["gone"]), (healed,), HEAL_SECONDS))
    return rows


def said(lines: Sequence[str], otherwise: str) -> str:
    """Join the lines; `otherwise` if there are none."""
    return "; ".join(lines) or otherwise


def given(found: Any, what: str) -> str:
    return f"measured {found['measured']} by {found['command']}; {what}"


MEASUREMENTS = (
    cost("quiet", "quiet"),
    cost("busy", "busy"),
    Measurement(
        "paper",
        "The paper's resources on one host",
        (RATIO, Column("% of one core"), Column("ms a call", 1)),
        paper,
        lambda found: f"{found['calls']} monitors in {found['seconds']:.0f} s, at the paper's "
        "intervals, and bare interpreters in between",
        claim=SHARE._replace(column=1),
    ),
    Measurement(
        "logins",
        "The minute after Keystone's failover",
        (RATIO, Column("% of one core"), Column("ms a call", 1)),
        paper,
        lambda found: f"no token is kept any more; {found['calls']} monitors of one node in "
        f"{found['seconds']:.0f} s, and bare interpreters in between",
    ),
    Measurement(
        "logins",
        "Log-ins after Keystone's failover",
        (Column("log-ins", 0),),
        log_ins,
        lambda found: "all resources have the same credentials; counted by Identity",
        (),
    ),
    Measurement(
        "starved",
        "What a busy host restarts",
        (
            *(Column("restarts", 0), Column("failed", 0), Column("killed", 0)),
            *(Column("polls", 0), Column("healthy", 0), Column("degraded", 0)),
            Column("slowest s", 1),
        ),
        starved,
        starved_told,
        (),
    ),
    Measurement(
        "starved",
        "A deadlocked API on a busy host",
        (Column("polls until failed", 0), Column("s", 1)),
        lambda found: [
            Row(each["name"], (each["polls"], each["seconds"]), 2) for each in found["deadlocked"]
        ],
        lambda found: f"all workers sleep in a lock, beside {found['loops']} busy loops",
        (),
    ),
    Measurement(
        "starved",
        "A spinning API on a busy host",
        (Column("failed too early", 0), Column("failed after s", 1), Column("excused polls", 0)),
        lambda found: [
            Row(each["name"], (spun(each), each["seconds"], each["excused"]), 0)
            for each in found["spinning"]
        ],
        lambda found: f"hang_grace is {found['grace']} s, beside {found['loops']} busy loops",
        (),
    ),
    Measurement(
        "idle",
        "Monitoring on the idle cluster",
        (Column("bare interpreters = 1"), Column("% of one core")),
        idle,
        lambda found: given(
            found,
            f"over {found['seconds']:g} s, per node; as many bare interpreters as it has monitors",
        ),
        claim=SHARE._replace(column=1),
    ),
    Measurement(
        "quiet",
        "How soon an action ends",
        (RATIO, Column("s, median", 3), Column("s, longest", 3)),
        promptness,
        lambda found: "wall time beyond the daemon's own, against that of a bare interpreter; the "
        f"daemon is a stand-in with fixed times; {found['promptness'][0]['calls']} starts",
    ),
    Measurement(
        "crash",
        "Keystone is killed on a three-node cluster",
        (Column("Keystone alone = 1"), SECONDS),
        crash,
        lambda found: f"monitor every 30 s; medians of {found['calls']} crashes and as many starts "
        "by hand of the same command, wall time",
        claim=FAILOVER._replace(column=1),
    ),
    Measurement(
        "crash",
        "The way from the kill to the next token",
        (Column("s", 3),),
        way,
        lambda found: f"medians of {found['known']} crashes, each step with its owner; no step of "
        "ours may take longer than Pacemaker's steps together",
    ),
    Measurement(
        "failover",
        "Failover at the virtual address",
        (
            SECONDS,
            *(Column("Corosync's"), Column("Pacemaker's"), Column("fencing")),
            *(Column("longest s"), Column("failed", 0), Column("recovered s")),
        ),
        failovers,
        lambda found: given(
            found,
            f"{found['nodes']} nodes, longest time without an answer to a client that asks every "
            f"{found['interval']:g} s; failed: requests in all rounds",
        ),
        (Bars(parts=(1, 2, 3)),),
        FAILOVER,
    ),
    Measurement(
        "storm",
        "How soon all services are healthy after an outage",
        (SECONDS,),
        storm,
        lambda found: given(found, "wall time since what was down for two minutes came back"),
    ),
    Measurement(
        "storm",
        "What went wrong in the storm",
        (Column("problems", 0),),
        lambda found: [Row("restarts, fencing, verdicts", (len(found["problems"]),), 0)],
        lambda found: given(found, said(found["problems"], "nothing")),
        (),
    ),
    Measurement(
        "scale",
        "What Pacemaker has to do, by number of nodes",
        (Column("actions", 0), Column("a node", 1), Column("CPU s"), Column(RATIO.unit, 0)),
        transitions,
        lambda found: (
            f"simulated: each of the {found['agents']} agents is an interleaved clone with the "
            "operations that it advises, ordered after Keystone (kind=Optional unless called "
            "mandatory); actions: calls of agents and fencing; CPU: crm_simulate's, the lowest of "
            f"{found['rounds']} runs"
        ),
        (
            Curves(0, "nodes", is_log=True),
            Curves(2, "nodes"),
        ),
    ),
    Measurement(
        "scale",
        "What crm_verify finds wrong with these clusters",
        (Column("complaints", 0),),
        verified,
        lambda found: said(
            [line for each in found["verified"] for line in each["said"]],
            "crm_verify -V reports nothing",
        ),
        (),
    ),
)
