"""The runs of `make bench`: what each measures, and how."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any, NamedTuple

from lxml import etree

from tests.bed.bed import BedError
from tests.bed.keystone import KeystoneError
from tests.bed.node import CommandFailed
from tests.bench import busy, crash, elsewhere, scale
from tests.bench.cost import CallFailed
from tests.bench.measurement import NotMeasured
from tests.bench.simulation import advised
from tests.calling import ROOT

PROVIDER = "usr/lib/ocf/resource.d/openstack"
BUILD = ROOT / "build"


class Wanted(NamedTuple):
    """What the user asked for. stage: where the agents are installed. rounds: calls of each case.
    seconds: how long the paper's resources are watched. build: where make cluster and make storm
    leave their results. starved: seconds for which the services of a busy host are watched."""

    stage: Path
    rounds: int
    seconds: float
    build: Path = BUILD
    starved: float = 300.0

    @property
    def agents(self) -> Path:
        return self.stage / PROVIDER


class Run(NamedTuple):
    """title: what is measured. measure: returns the findings as JSON, or raises NotMeasured."""

    title: str
    measure: Callable[[Wanted], dict[str, Any]]


def on_a_host(host: str) -> Callable[[Wanted], dict[str, Any]]:
    """Return a function that runs inside.py on a separate host, and removes the host again."""

    def measure(wanted: Wanted) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="ocf-bench-") as folder:
            os.chmod(folder, 0o711)
            spec = {
                "host": host,
                "folder": folder,
                "agents": str(wanted.agents),
                "rounds": wanted.rounds,
                "seconds": wanted.seconds,
            }
            said = answer(json.dumps(spec))
        if not said:
            raise NotMeasured(f"the {host} host ended without any figures")
        return dict(json.loads(said))

    return measure


def answer(spec: str) -> str:
    child = subprocess.Popen(
        [
            *("setpriv", "--pdeathsig", "KILL"),
            *("unshare", "--net", "--ipc", "--mount", "--propagation", "unchanged"),
            *("--pid", "--fork", "--kill-child", "--"),
            *(sys.executable, "-m", "tests.bench.inside", spec),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,  # Ctrl-C reaches this program only, which then kills the child
    )
    assert child.stdout is not None
    try:
        return child.stdout.read()
    finally:
        child.kill()
        # returns once no process of that host has the pipe open any more
        child.stdout.read()
        child.wait()


def on_a_cluster(wanted: Wanted) -> dict[str, Any]:
    try:
        return crash.measure(wanted.stage)
    except (BedError, CommandFailed, KeystoneError, TimeoutError) as fault:
        raise NotMeasured(str(fault)) from fault


def beside_loops(wanted: Wanted) -> dict[str, Any]:
    try:
        return busy.measure(wanted.agents, wanted.starved)
    except (AssertionError, OSError, TimeoutError) as fault:
        raise NotMeasured(str(fault)) from fault


def by_simulation(wanted: Wanted) -> dict[str, Any]:
    try:
        return scale.measure(advised(wanted.agents))
    except (CallFailed, CalledProcessError, OSError, etree.XMLSyntaxError) as fault:
        raise NotMeasured(str(fault)) from fault


RUNS = {
    "quiet": Run("a quiet host", on_a_host("quiet")),
    "busy": Run("a host with 10,000 open sockets and 2,000 processes", on_a_host("busy")),
    "paper": Run("the paper's 45 resources", on_a_host("paper")),
    "logins": Run("a node's monitors after Keystone's failover", on_a_host("logins")),
    "starved": Run("real services beside 16 busy loops, twice 5 minutes", beside_loops),
    "crash": Run("a crash of Keystone on a three-node cluster", on_a_cluster),
    "scale": Run("clusters of 3, 16 and 32 nodes, by simulation", by_simulation),
    "failover": Run(
        "failover at the virtual address, by make cluster-measure",
        lambda wanted: elsewhere.failover(wanted.build / "cluster/failover.json"),
    ),
    "idle": Run(
        "monitoring on the idle cluster, by make cluster-measure",
        lambda wanted: elsewhere.idle(wanted.build / "cluster/idle.json"),
    ),
    "storm": Run(
        "outages of Identity, broker and database, by make storm",
        lambda wanted: elsewhere.storm(wanted.build / "storm/timeline.json"),
    ),
}
