"""Simulates clusters of any size: generated CIBs, and Pacemaker's scheduler on them.

Every agent is a clone on every node, with the operations that its meta-data advise, as pcs would
create it. Nothing runs: crm_simulate computes what the cluster would do next, on one core, just as
the scheduler of the DC does.
"""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lxml import etree

from tests.bench.cost import cpu_seconds
from tests.calling import PATH

ENVIRONMENT = {"PATH": PATH, "OCF_ROOT": "/usr/lib/ocf"}
# The others need it, so it starts before them.
FIRST = "keystone"
# How the others are ordered after it. Optional: counts only if both start anyway. Mandatory (the
# default of pcs): if it restarts, all that come after it restart too.
OPTIONAL, MANDATORY = "Optional", "Mandatory"
PLAIN = """\
<cib validate-with="pacemaker-3.4" admin_epoch="0" epoch="1" num_updates="0" have-quorum="1">
  <configuration>
    <crm_config><cluster_property_set id="options">
      <nvpair id="options-stonith" name="stonith-enabled" value="true"/>
    </cluster_property_set></crm_config>
    <nodes/>
    <resources><primitive id="fence" class="stonith" type="fence_ipmilan"/></resources>
    <constraints/>
  </configuration>
  <status/>
</cib>
"""
# A probe that, as expected, found nothing: number, transition, expected code, cluster.
KEY = "1:1:7:00000000-0000-0000-0000-000000000000"
MISSING = {"transition-key": KEY, "transition-magic": f"0:7;{KEY}"}
Operation = tuple[str, str, str, str]  # action, interval, timeout, depth
Agents = Mapping[str, Sequence[Operation]]


def advised(agents: Path) -> dict[str, list[Operation]]:
    """Return the operations that each agent in this folder advises; links, which are old names of
    agents, are skipped. Raises OSError, CalledProcessError or XMLSyntaxError if an agent's
    meta-data cannot be read."""
    found = {}
    for path in sorted(agents.iterdir()):
        if not path.is_symlink():
            words = [str(path), "meta-data"]
            said = subprocess.run(words, env=ENVIRONMENT, capture_output=True, check=True).stdout
            found[path.name] = list(operations(etree.fromstring(said)))
    return found


def operations(described: Any) -> Iterator[Operation]:
    """Return the actions in meta-data that Pacemaker calls by itself."""
    for action in described.iter("action"):
        if action.get("name") in ("start", "stop", "monitor"):
            interval, depth = action.get("interval", "0s"), action.get("depth", "0")
            yield action.get("name"), interval, action.get("timeout"), depth


def make_cib(
    agents: Agents, nodes: int, running: int = 0, history: Any = None, order: str = OPTIONAL
) -> Any:
    """Return the CIB, as an lxml element. running: on this many nodes, from the first on,
    everything is started, according to `history` (learn_history); the others have just joined and
    are not probed yet."""
    cib = etree.fromstring(PLAIN, etree.XMLParser(remove_blank_text=True))
    add_resources(cib.find(".//resources"), agents)
    for agent in agents:
        if agent != FIRST and FIRST in agents:
            add(
                cib.find(".//constraints"),
                "rsc_order",
                id=f"order-{agent}",
                first=f"p_{FIRST}-clone",
                then=f"p_{agent}-clone",
                kind=order,
            )
    for number in range(1, nodes + 1):
        node = {"id": str(number), "uname": f"node-{number}"}
        add(cib.find(".//nodes"), "node", **node)
        state = {"in_ccm": "true", "crmd": "online", "join": "member", "expected": "member"}
        known = add(cib.find("status"), "node_state", **node, **state)
        if number <= running:
            add_history(known, history)
    return cib


def add_resources(resources: Any, agents: Agents) -> None:
    for agent, advice in agents.items():
        name = f"p_{agent}"
        clone = add(resources, "clone", id=f"{name}-clone")
        facts = {"class": "ocf", "provider": "openstack", "type": agent}
        wanted = add(add(clone, "primitive", id=name, **facts), "operations")
        for action, interval, timeout, depth in advice:
            key = f"{name}-{action}-{interval}"
            one = add(wanted, "op", id=key, name=action, interval=interval, timeout=timeout)
            if depth != "0":
                level = add(one, "instance_attributes", id=f"{key}-attributes")
                add(level, "nvpair", id=f"{key}-level", name="OCF_CHECK_LEVEL", value=depth)
        meta = add(clone, "meta_attributes", id=f"{name}-meta")
        add(meta, "nvpair", id=f"{name}-interleave", name="interleave", value="true")


def learn_history(agents: Agents, folder: Path) -> Any:
    """Return the operation history of a node that has started all resources: the `lrm` element of
    a one-node cluster after a simulated first start. Raises CallFailed."""
    before, after = folder / "one.xml", folder / "started.xml"
    write(make_cib(agents, 1), before)
    words = ["crm_simulate", "--quiet", "--xml-file", str(before)]
    cpu_seconds([*words, "--simulate", "--save-output", str(after)], ENVIRONMENT)
    return etree.parse(str(after)).find("status/node_state/lrm")


def add_history(state: Any, history: Any) -> None:
    """Give this node the history, except for the fencing device: it runs on the first node, and
    the others have only probed it."""
    told = copy.deepcopy(history)
    told.set("id", state.get("id"))
    if state.get("id") != "1":
        (done,) = told.iterfind(".//lrm_resource[@id='fence']/lrm_rsc_op[@operation='start']")
        done.set("operation", "monitor")
        done.set("operation_key", "fence_monitor_0")
        done.set("rc-code", "7")
        for key in ("transition-key", "transition-magic"):
            done.set(key, MISSING[key])
    state.append(told)


def add(parent: Any, tag: str, **attributes: str) -> Any:
    return etree.SubElement(parent, tag, **attributes)


def write(cib: Any, path: Path) -> None:
    etree.ElementTree(cib).write(str(path))


def simulation(cib: Path, graph: Path, *event: str) -> list[str]:
    """Return the command that computes what a cluster in this state does after `event` (options
    of crm_simulate) and writes the transition to `graph`."""
    words = ["crm_simulate", "--quiet", "--xml-file", str(cib), "--run", *event]
    return [*words, "--save-graph", str(graph)]


def milliseconds(interval: str) -> int:
    """Convert an advised interval from seconds to milliseconds."""
    return 1000 * int(interval.removesuffix("s"))


def count_actions(graph: Path) -> dict[str, int]:
    """Count the actions of a transition by kind: "probe", "start", "stop", "monitor", "fence".
    Only calls of agents and fencing devices count, not Pacemaker's own milestones."""
    counts: dict[str, int] = {}
    tree = etree.parse(str(graph), etree.XMLParser(huge_tree=True))
    for action in tree.iterfind("synapse/action_set/*"):
        kind = kind_of(action)
        if kind:
            counts[kind] = counts.get(kind, 0) + 1
    return counts


def kind_of(action: Any) -> str:
    operation = str(action.get("operation"))
    if action.tag == "crm_event":
        return {"stonith": "fence"}.get(operation, operation)
    if action.tag != "rsc_op":
        return ""
    interval = action.find("attributes").get("CRM_meta_interval")
    return "probe" if operation == "monitor" and interval is None else operation


def complaints(cib: Path) -> list[str]:
    """Return what crm_verify finds wrong, a line each; its exit code, if it fails without any
    output."""
    words = ["crm_verify", "-V", "--xml-file", str(cib)]
    done = subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True)
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return said or ([f"exit code {done.returncode}"] if done.returncode else [])
