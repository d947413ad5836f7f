"""Waits until a daemon that was started, adopted or reloaded is ready for use, and completes its
record.

Source: the times below were measured on the real daemons (Debian 12).
"""

from __future__ import annotations

import signal
from time import monotonic, sleep

from ocf_lib.actions import first_answer
from ocf_lib.dependencies import broker, needs
from ocf_lib.health.api import place
from ocf_lib.launch import running
from ocf_lib.net import sockets
from ocf_lib.outcomes import Died
from ocf_lib.processes import members
from ocf_lib.processes.process import Process, stat
from ocf_lib.processes.signals import send
from ocf_lib.sentinel.spawn import Sentinel
from ocf_lib.state import files
from ocf_lib.state.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ocf_lib.declare.service import Service
    from ocf_lib.instance import Instance
    from ocf_lib.launch.command import Command
    from ocf_lib.launch.oslo import Options
    from ocf_lib.log import Log

POLL = 0.05
# Seconds that a service without an API must live: a daemon that dies of its configuration does so
# within the first second or two.
SETTLE_SECONDS = 2.0
# Real daemons are connected to their broker 2 to 5 s after their start, on busy cores 14 s. If the
# broker is down they live on and try again, so start must not fail then.
CONNECT_SECONDS = 20.0
CONNECT_POLL = 0.2


def adopt(record: Record | None, pid: int, wanted: Command) -> Record:
    """The record of the daemon that runs under this PID: `record` if its process lives, otherwise a
    new one, as if we had just started `wanted`. Raises Died if the daemon ends meanwhile."""
    if record is not None and record.leader.alive() is not None:
        return record
    found = stat(pid)
    if found is None:
        raise Died(f"PID {pid} ended while it was looked at")
    return Record(Process.of(found), wanted.program.ending, reloading=wanted.reloading)


def wait(
    instance: Instance,
    record: Record,
    watch: Callable[[], None],
    options: Options | None,
    log: Log,
) -> None:
    """Returns once the service answers, and keeps the complete record. A service without an API is
    ready once it has lived for a while and is connected to its broker.

    watch: called during the wait; raises Died if the daemon has died. options: those of the daemon;
    None skips the wait of a service without an API. Raises Failed if the service does not answer in
    time and no dependency explains that.
    """
    service, of = instance.service, instance.parameters
    if service.api is not None:
        record.endpoint = first_answer.wait(instance, record.leader.pid, watch, log)
        record.url = place(service.api, of)
    elif options is not None:
        _settle(instance, options, watch, log)
    watch()
    settled = stat(record.leader.pid)
    if settled is not None:
        record.leader = Process.of(settled)
        if _may_have_workers(service) and not record.has_workers:
            everyone = running.members_of(instance).all
            record.has_workers = members.has_workers(settled.pid, everyone)
    keep(instance, record, log)
    needs.note(instance.notes, service, of)


def keep(instance: Instance, record: Record, log: Log) -> None:
    """Write record and PID file. Without a record, monitor and stop find the processes by their
    marker, at a higher cost: a full disk is no reason to fail a start."""
    pid = record.leader.pid
    try:
        files.make_state_folder(instance.folder)
        files.replace(instance.file("record"), str(record), 0o600)
    except OSError as error:
        log.warning(f"no record of PID {pid} could be written: {error}")
    try:
        files.replace(instance.pid_file, f"{pid}\n", 0o644)
    except OSError as error:
        log.warning(f"PID file {instance.pid_file} could not be written: {error}")


def settle_sentinel(instance: Instance) -> None:
    """Start or end the sentinel of the running daemon, as parameter crash_detection says."""
    found = running.members_of(instance)
    if found.leader is None:
        return
    if not instance.parameters.get("crash_detection"):
        send(found.sentinels, signal.SIGKILL)
    elif not found.sentinels:
        Sentinel(instance).watch(found.leader)


def _may_have_workers(service: Service) -> bool:
    """Whether the children of this service are workers, at least one of which must live. Children
    of other services come and go."""
    is_served = service.rpc_server or service.api is not None
    return is_served and not service.child_per_connection


def _settle(instance: Instance, options: Options, watch: Callable[[], None], log: Log) -> None:
    """Wait until the daemon has lived for a while and has its connections to broker and database,
    or for CONNECT_SECONDS."""
    begun, deadline = monotonic(), instance.environment.deadline
    while monotonic() < min(begun + SETTLE_SECONDS, deadline):
        watch()
        sleep(POLL)
    until = min(begun + CONNECT_SECONDS, deadline)
    for ports in broker.connections(instance.service, instance.parameters, options):
        while not sockets.is_connected(running.members_of(instance).pids, ports):
            watch()
            if monotonic() >= until:
                shown = " or ".join(map(str, sorted(ports)))
                log.warning(f"{instance.name} runs, but holds no connection to port {shown} yet")
                break
            sleep(CONNECT_POLL)
