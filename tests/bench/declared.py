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
        Row(each["name"], (each["seconds"], each["longest"]), each["limit"])
        for each in found["promptness"]
    ]


def paper(found: Any) -> list[Row]:
    ours = found["percent"], found["milliseconds"]
    bare = found["bare_percent"], found["bare_milliseconds"]
    return [
        Row(f"{found['resources']} resources at the paper's intervals", ours, found["limit"]),
        Row("the same number of bare interpreters", bare, is_ours=False),
    ]


def crash(found: Any) -> list[Row]:
    return [
        Row("from the kill to the next token", (found["back"], found["alone"])),
        Row("beyond Keystone's own start", (found["beyond"], None), found["limit"]),
    ]


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
        rows.append(Row(name, (each["agents"],), each["limit"]))
        for other in ("pacemaker", "corosync"):
            rows.append(Row(f"{each['node']}: {other}", (each[other],), is_ours=False))
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
        (Column("% of one core"), Column("ms a call", 1)),
        paper,
        lambda found: f"{found['calls']} monitors in {found['seconds']:.0f} s",
        claim=SHARE,
    ),
    Measurement(
        "idle",
        "Monitoring on the idle cluster",
        (Column("% of one core"),),
        idle,
        lambda found: given(found, f"over {found['seconds']:g} s, per node"),
        claim=SHARE,
    ),
    Measurement(
        "quiet",
        "How soon an action ends",
        (Column("s, median", 3), Column("s, longest", 3)),
        promptness,
        lambda found: "wall time beyond the daemon's own; it is a stand-in with fixed times; "
        f"{found['promptness'][0]['calls']} starts",
    ),
    Measurement(
        "crash",
        "Keystone is killed on a three-node cluster",
        (SECONDS, Column("Keystone's start")),
        crash,
        lambda found: f"monitor every 30 s; medians of {found['calls']} crashes, wall time",
        (Bars(parts=(1,)),),
        FAILOVER,
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
