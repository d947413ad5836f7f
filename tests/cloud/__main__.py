"""make cluster: build the paper's cluster on this machine and leave it running.

    python3 -m tests.cloud --stage FOLDER [--services AGENT,AGENT...] [--to build/cluster]
    python3 -m tests.cloud shell N|client    a shell on node N, or on the client's side
    python3 -m tests.cloud stop
    python3 -m tests.cloud check             fail if one cannot be built or is already running

FOLDER is what `make install DESTDIR=FOLDER` made. --services: build only these and the services
that they need. Writes commands.txt and haproxy.cfg. Exits with 0 if all services are healthy, a
user's visit succeeds and no action failed. A machine that is busy makes it slower.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests import pace
from tests.bed import bed as beds
from tests.bed.bed import CLIENT, Bed, BedError
from tests.bed.cluster import DEGRADED
from tests.bed.configuration import PACEMAKER, PROMPT
from tests.bed.kept import ORDERS, Kept
from tests.bed.node import CommandFailed
from tests.bed.timeline import Timeline
from tests.stack.identity import LOGIN, PASSWORD

from . import memory
from . import visit as visits
from .architecture import ALL, Service, choose
from .cloud import BINDS, Cloud

KEPT = Kept("cluster", "make cluster", "make cluster-stop")
NEEDS = {**PACEMAKER.needs, "/usr/sbin/haproxy": "haproxy", "/usr/bin/curl": "curl"}
AGENTS = "usr/lib/ocf/resource.d/openstack"


def check(stage: Path) -> None:
    """Raise BedError if the cluster needs something that is missing."""
    KEPT.check_user()
    if missing := beds.missing_packages(NEEDS):
        raise BedError(f"missing Debian packages: apt-get install {' '.join(missing)}")
    if not (stage / AGENTS).is_dir():
        raise BedError(f"no agents in {stage}: run make install DESTDIR={stage} first")


def perform(stage: Path, services: Sequence[Service], to: Path) -> int:
    """Build the cluster and leave it running; return the exit status. If building it fails, remove
    everything."""
    KEPT.check()
    check(stage)
    timeline = Timeline()
    timeline.title(f"{len(services)} services on three nodes, on this machine")
    timeline.say(pace.line())
    with Bed(3, [stage], BINDS, timing=PROMPT) as bed:
        cloud = Cloud(bed, services, say=timeline.say)
        try:
            cloud.build()
            report(cloud, timeline)
            works = visit(cloud, timeline) and is_quiet(cloud)
            cloud.servers.keep()
            KEPT.keep(bed)
        # AssertionError: a preparation of the stack failed; the message has its output
        except (BedError, CommandFailed, TimeoutError, AssertionError) as fault:
            print(f"\nFAILED: {fault}", file=sys.stderr)
            with suppress(BedError, CommandFailed, TimeoutError):
                print(cloud.cluster.pcs("status").stdout, file=sys.stderr)
            return 1
        finally:
            write(cloud, to)
            if not bed.is_kept:
                print("\nending the nodes and removing what the cluster made", flush=True)
                bed.stop()
                cloud.down()
    guide(cloud, to)
    return 0 if works else 1


def visit(cloud: Cloud, timeline: Timeline) -> bool:
    """Use the cloud and print what works. If something fails, the cluster stays up for a look."""
    timeline.title(f"A user at {CLIENT}")
    agents = [service.agent for service in cloud.services]
    told = {"identity": cloud.identity, "login": LOGIN, "agents": agents}
    told["late"] = pace.RUN.measure()
    words = [*cloud.bed.enter_client(), sys.executable, "-I", visits.__file__]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as user:
        assert user.stdin and user.stdout
        user.stdin.write(json.dumps(told) + "\n")
        user.stdin.close()
        for line in user.stdout:
            timeline.say(line.rstrip())
    return not user.returncode


def is_quiet(cloud: Cloud) -> bool:
    """Whether nothing failed meanwhile: nobody broke anything. Prints what did."""
    failed = [each for each in cloud.cluster.failures() if each.rc != DEGRADED]
    for each in failed:
        print(f"\nFAILED: {each.resource} {each.task} on {each.node}: {each.reason}")
    return not failed


def write(cloud: Cloud, to: Path) -> None:
    """Write commands.txt, the commands that were typed, and haproxy.cfg."""
    to.mkdir(parents=True, exist_ok=True)
    (to / "commands.txt").write_text("".join(f"{line}\n" for line in cloud.typed))
    (to / "haproxy.cfg").write_text(cloud.balancer())


def report(cloud: Cloud, timeline: Timeline) -> None:
    """Print the status of the cluster and its memory use."""
    timeline.title("pcs status")
    timeline.output(cloud.cluster.pcs("status").stdout)
    timeline.title("Memory")
    whole = 0
    parts = {node.name: ("pid", node.pid()) for node in cloud.bed.nodes}
    for name, (kind, pid) in {**parts, "servers": ("net", cloud.servers.pid)}.items():
        taken = memory.of_namespace(kind, pid or 0)
        whole += taken.pss
        timeline.note(f"{name:8s} {taken}")
    seconds = time.time() - timeline.start
    number = sum(cloud.expected().values())
    timeline.say(
        f"{number} instances of {len(cloud.expected())} resources are healthy after"
        f" {seconds:.0f} s and use {whole / memory.MIB / 1024:.1f} GiB of memory"
    )


def guide(cloud: Cloud, to: Path) -> None:
    """Print how to look at the cluster."""
    has_horizon = any(service.agent == "horizon" for service in cloud.services)
    dashboard = (
        f"\n  http://{cloud.address}/horizon/    the dashboard, from the client's side:"
        f" user admin, password {PASSWORD}"
    )
    print(
        f"\nThe cluster is running. {to}/commands.txt has the commands that made its resources.\n"
        "  make cluster-shell NODE=2         open a shell on node-2: pcs status, crm_mon, ls /srv\n"
        "  make cluster-shell NODE=client    open a shell on the client's side of the network\n"
        f"  curl -i {cloud.identity}/v3/auth/tokens -H 'Content-Type: application/json' \\\n"
        f"    -d '{json.dumps(LOGIN)}'\n"
        f"                                    get a token; run this in the client's shell"
        + (dashboard if has_horizon else "")
    )
    print("  make cluster-measure              measure its cost, and what users notice of faults")
    print("  make cluster-stop                 end the cluster and remove everything that it made")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", default="build", choices=("build", *ORDERS))
    parser.add_argument("node", nargs="?", default="1", help='number of the node, or "client"')
    parser.add_argument("--stage", type=Path, help="the DESTDIR of make install")
    parser.add_argument("--services", default="", help="agents, separated by commas (all)")
    parser.add_argument("--to", type=Path, default=Path("build/cluster"), help="folder for results")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if given.what in ORDERS:
        KEPT.obey(given.what, given.node)
        return 0
    if not given.stage:
        parser.error("--stage is required")
    try:
        services = choose(given.services.split(",")) if given.services else ALL
    except ValueError as fault:
        parser.error(str(fault))
    return perform(given.stage, services, given.to)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BedError, CommandFailed) as fault:
        sys.exit(f"cluster: {fault}")
    except KeyboardInterrupt:
        print("interrupted: everything that the cluster made was removed", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
