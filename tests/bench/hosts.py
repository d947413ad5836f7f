"""What each call costs on a quiet host and on a busy one."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.bed.keystone import Keystone
from tests.bench import crowd, predecessors
from tests.bench.cost import Case, take_turns
from tests.bench.services import BROKER, CACHE, DATABASE, Service, as_monitor, without_credentials
from tests.calling import Caller
from tests.faults.rig import free_port
from tests.keystone.conftest import parameters

SOCKETS, PROCESSES = 10_000, 2_000
# Connections that each of a service's two workers holds, besides those to broker and database.
OTHERS = 248
# Ratios that the project allows itself.
PROCESS_CHECK, API_CHECK, CONNECTION_CHECK, LOG_IN = 1.4, 1.7, 2.1, 3.0


def measure(folder: Path, agents: Path, is_busy: bool, rounds: int) -> dict[str, Any]:
    """Build the host, measure on it, and return the findings."""
    others = OTHERS if is_busy else 0
    keystone = Service(folder / "keystone", agents, "keystone", others)
    keystone.give_credentials()
    conductor = Service(folder / "conductor", agents, "nova-conductor", others)
    conductor.set(listen="never")
    compute = Service(folder / "compute", agents, "nova-api", others).log_in_at(keystone)
    surround(0, 0, BROKER, DATABASE, CACHE)
    keystone.begin()
    # nothing listens on port 1
    lonely = Service(folder / "lonely", agents, "nova-conductor", name="p_lonely", broker=1)
    lonely.set(listen="never")
    with ThreadPoolExecutor(3) as pool:
        begun = [pool.submit(service.begin) for service in (conductor, compute)]
        begun.append(pool.submit(lonely.prove_that_it_looks_at_connections))
        real = [] if is_busy else with_a_real_keystone(folder / "real", agents)
        for one in begun:
            one.result()
    if is_busy:
        surround(SOCKETS - crowd.sockets(), PROCESSES - crowd.processes(), BROKER, DATABASE)
    there = {"sockets": crowd.sockets(), "processes": crowd.processes()}
    if is_busy and (there["sockets"] < SOCKETS or there["processes"] < PROCESSES):
        sys.exit(f"the host is not busy enough: {there}")
    keystone.prove_that_it_asks_with_a_kept_token()
    keystone.prove_that_it_logs_in()
    cases = [*usual(keystone, conductor, compute), *real, *others_ways(folder, conductor)]
    return {**there, "figures": [each._asdict() for each in take_turns(cases, rounds)]}


def surround(sockets: int, processes: int, *ports: int) -> None:
    """Run crowd.py, which ends with the namespace; return once it is ready."""
    words = ["/usr/bin/python3", "-I", "-S", crowd.__file__, sockets // 2, processes, *ports]
    child = subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    if child.stdout.readline() != "ready\n":
        sys.exit("could not make the sockets and processes of a busy host")


def usual(keystone: Service, conductor: Service, compute: Service) -> list[Case]:
    """Return a case for each monitor that recurs every few seconds, and for the rare calls."""
    agent, other, consumer = keystone.command, compute.command, conductor.command
    of = as_monitor(keystone.caller)
    absent = {**keystone.caller.environment(), "OCF_RESOURCE_INSTANCE": "none"}
    return [
        Case("process check", agent, as_monitor(keystone.caller, 0), PROCESS_CHECK),
        Case("API check, kept token (keystone)", agent, of, API_CHECK),
        Case("API check, kept token (nova-api)", other, as_monitor(compute.caller), API_CHECK),
        Case("AMQP and SQL check", consumer, as_monitor(conductor.caller), CONNECTION_CHECK),
        Case("API check that logs in", agent, of, LOG_IN, before=keystone.forget_token),
        Case("API check, no credentials", agent, without_credentials(of), None),
        Case("level 20: log-in", agent, as_monitor(keystone.caller, 20), is_heavy=True),
        Case("probe, nothing runs", agent, absent, codes=(7,), is_heavy=True),
        Case("stop, nothing runs", (agent[0], "stop"), absent, is_heavy=True),
        Case("meta-data", (agent[0], "meta-data"), {"PATH": absent["PATH"]}, is_heavy=True),
    ]


def with_a_real_keystone(folder: Path, agents: Path) -> list[Case]:
    """Start Debian's Keystone under uwsgi, on SQLite (10 s to make, 10 s to start), and return its
    cases."""
    folder.mkdir()
    folder.chmod(0o711)
    port = free_port()
    keystone = Keystone.alone(folder, port)
    keystone.make()
    caller = Caller("keystone", folder, "p_real", **parameters(keystone, port))
    caller.agents = agents
    for result in (caller("start", timeout=120), caller.monitor(timeout=60)):
        if result.code:
            sys.exit(f"the real Keystone did not start, or is not healthy: {result}")
    command = (str(agents / "keystone"), "monitor")
    return [
        Case("API check, kept token (real Keystone)", command, as_monitor(caller), API_CHECK),
        Case("level 20: log-in (real Keystone)", command, as_monitor(caller, 20), is_heavy=True),
    ]


def others_ways(folder: Path, conductor: Service) -> list[Case]:
    """Return cases for the checks of the old shell agents, for comparison."""
    pid_check, connection_check = predecessors.write(folder)
    # the PID check looks at the parent, the connection check at a worker with connections
    holder = predecessors.shown(conductor.born("worker")[0])
    given = {
        **conductor.caller.environment(
            pid=conductor.pid_file, amqp_server_port=BROKER, client_binary="curl"
        ),
        "BENCH_HOLDER": holder,
    }
    listing = f"shell: {predecessors.lister()} for a connection"
    return [
        Case("shell: kill -0 of a PID file", (str(pid_check),), given, is_ours=False),
        Case(listing, (str(connection_check),), given, is_heavy=True, is_ours=False),
    ]
