"""start: run the daemon and return when it is usable (cold module)."""

from __future__ import annotations

from time import monotonic, sleep

from ocf_lib.actions import validate
from ocf_lib.dependencies import broker, needs
from ocf_lib.health import blame
from ocf_lib.health.api import Client
from ocf_lib.launch import command, port_conflict, run, running, stale_pid_file
from ocf_lib.launch.last_words import conceal
from ocf_lib.launch.oslo import Options
from ocf_lib.net import sockets
from ocf_lib.outcomes import Degraded, Failed
from ocf_lib.processes import members
from ocf_lib.processes.process import Process, stat
from ocf_lib.sentinel import spawn
from ocf_lib.state import files, lock
from ocf_lib.state.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocf_lib.instance import Instance
    from ocf_lib.launch.command import Command
    from ocf_lib.log import Log
    from ocf_lib.net.endpoint import Endpoint

POLL = 0.05
# A service without an API has to live this long: what dies at once, dies of its configuration
# within the first second or two.
SETTLE_SECONDS = 2.0
# The real daemons are connected to their broker 2 to 5 s after they are run, on busy cores 14. With
# the broker away they live on and try again: that start must not fail (openstack-daemons.md).
CONNECT_SECONDS = 20.0
CONNECT_POLL = 0.2
# An API that is up answers within this.
FAIR_SECONDS = 1.0
SILENT = "it listens on no TCP port yet"


class Died(Failed):
    """The daemon ended while we waited for it."""


def start(instance: Instance, log: Log) -> None:
    """Returns when the service answers, or is connected to its broker. One that runs already is
    left as it is.

    Raises Failed where it dies, with its last words, or does not answer in time; Misconfigured,
    InvalidHere and NotInstalled as validate-all does.
    """
    validate.parameters(instance, log)
    validate.host(instance)
    until = instance.environment.deadline
    with lock.held(instance.file("lock"), until - 1) as locked:
        if not locked:
            log.warning("starting without a lock: another action holds it, or there is no folder")
        found = running.members_of(instance)
        if found and found.leader is None:
            raise Failed(
                f"the parent process is gone, {found} of a former run remain: stop ends them"
            )
        if found.leader is not None:
            log.info(f"{instance.name} runs already as PID {found.leader.pid}")
            _wait(instance, adopt(instance, found.leader.pid), None, log)
            running.settle_sentinel(instance)
            return
        wanted = command.resolve(instance)
        daemon, record = _launch(instance, wanted, log)
        try:
            _wait(instance, record, daemon, log)
        except Died:
            if not stale_pid_file.clear(instance, wanted, daemon.last_words(), log):
                raise
            daemon, record = _launch(instance, wanted, log)
            _wait(instance, record, daemon, log)
        if not instance.parameters.get("crash_detection"):
            # the one that it was started under; to find it is a look at every process of the host
            running.settle_sentinel(instance)


def _launch(instance: Instance, wanted: Command, log: Log) -> tuple[run.Daemon, Record]:
    """Run it, and have it on record."""
    instance.notes.drop("")  # of a run before this one
    daemon = run.launch(instance, wanted, log)
    # Recorded before anything else: at the action's timeout Pacemaker SIGKILLs us, and the stop
    # that follows must know what to end. Owner and executable are noted once settled.
    leader = Process(daemon.process.pid, daemon.process.start)
    record = Record(leader, wanted.ending, reloading=command.reloading_of(instance))
    _keep(instance, record, log)
    log.info(f"{instance.name} launched as PID {daemon.process.pid}: {' '.join(wanted.argv)}")
    return daemon, record


def adopt(instance: Instance, pid: int) -> Record:
    """A record for a daemon that runs without one: the same as if we had just started it."""
    record = instance.record
    running = stat(pid)
    if record is not None and record.leader.alive() is not None:
        return record
    if running is None:
        raise Died(f"PID {pid} ended while it was looked at")
    ending, reloading = command.ending_of(instance), command.reloading_of(instance)
    return Record(Process.of(running), ending, reloading=reloading)


def _wait(instance: Instance, record: Record, daemon: run.Daemon | None, log: Log) -> None:
    """Until the service answers; it may die meanwhile."""

    def watch() -> None:
        if record.leader.alive() is None:
            raise Died(_epitaph(instance, record, daemon))

    until_usable(instance, record, watch, daemon.argv if daemon else None, log)


def until_usable(
    instance: Instance,
    record: Record,
    watch: Callable[[], None],
    argv: Sequence[str] | None,
    log: Log,
) -> None:
    """Until the service answers or, with the command line `argv`, has lived for a while and is
    connected to its broker; then keep the record, complete.

    watch: called meanwhile; raises Died where the daemon has. Raises Failed where it does not
    answer in time, and nothing that it depends on explains it.
    """
    if instance.service.api is not None:
        record.endpoint = _first_answer(instance, record.leader.pid, watch, log)
        record.url = instance.location
    elif argv is not None:
        _settle(instance, argv, watch, log)
    watch()
    settled = stat(record.leader.pid)
    if settled is not None:
        record.leader = Process.of(settled)
        record.has_workers = record.has_workers or _has_workers(instance, settled.pid)
    _keep(instance, record, log)
    needs.note(instance)


def _has_workers(instance: Instance, leader: int) -> bool:
    """So many that monitor may call for one. Children of other services come and go."""
    service = instance.service
    if service.child_per_connection or not (service.rpc_server or service.api is not None):
        return False
    return members.has_workers(leader, running.members_of(instance).all)


def _settle(instance: Instance, argv: Sequence[str], watch: Callable[[], None], log: Log) -> None:
    """Until it has lived for a while and, where its work comes from a broker, is connected."""
    begun, deadline = monotonic(), instance.environment.deadline
    while monotonic() < min(begun + SETTLE_SECONDS, deadline):
        watch()
        sleep(POLL)
    until = min(begun + CONNECT_SECONDS, deadline)
    for ports in broker.connections(instance, argv):
        while not sockets.is_connected(running.members_of(instance).pids, ports):
            watch()
            if monotonic() >= until:
                shown = " or ".join(map(str, sorted(ports)))
                log.warning(f"{instance.name} runs, but holds no connection to port {shown} yet")
                break
            sleep(CONNECT_POLL)


def _first_answer(
    instance: Instance, leader: int, watch: Callable[[], None], log: Log
) -> Endpoint | None:
    """Where it answers. Short polls, so that a start takes as long as the daemon does. Where
    something that it depends on keeps it from answering, the start is no failure, and there
    may be no socket yet: None."""
    api = instance.service.api
    assert api is not None
    missing = SILENT
    deadline, endpoint = instance.environment.deadline, None
    until = deadline - min(blame.SECONDS, (deadline - monotonic()) / 4)
    while (left := until - monotonic()) > 0:
        watch()
        endpoint = running.endpoint_of(instance, leader)
        if endpoint is not None:
            try:
                Client(instance, api, endpoint.called(instance.known_as)).ask(watch)
            except Died:
                raise
            except Degraded:
                return endpoint  # it answers; a certificate that we refuse is not its failure
            except Failed as error:
                # the last request is cut short: that it had no answer says less than those before
                is_cut = left < FAIR_SECONDS and "did not answer" in str(error)
                missing = missing if is_cut and missing != SILENT else str(error)
            else:
                return endpoint
        sleep(POLL)
    if endpoint is None and (
        found := port_conflict.blocking(instance, members.command_line(leader))
    ):
        missing = f"{found}; {missing}"
    action, seconds = instance.environment.action, instance.environment.timeout
    fault = Failed(f"{missing}; not usable {seconds:g} s after the {action}")
    try:
        blame.find(instance, fault)
    except Degraded as outcome:
        log.warning(f"{instance.name} runs, but {outcome}")
        return endpoint
    raise fault


def _epitaph(instance: Instance, record: Record, daemon: run.Daemon | None) -> str:
    """How the daemon ended, and what it said last, without the secrets of its configuration."""
    if daemon is None:
        return f"PID {record.leader.pid} ended while start waited for it to answer"
    argv = [*daemon.argv, f"--config-file={instance.parameters['config']}"]
    secrets = Options(argv, instance.service.project).secrets()
    words = conceal(daemon.last_words(), secrets)
    how = daemon.process.ended(spawn.NEWS_SECONDS) or "ended"
    why = port_conflict.behind(words, instance, daemon.argv)
    return f"{why}the daemon {how} during start" + (f": {words}" if words else ", without a word")


def _keep(instance: Instance, record: Record, log: Log) -> None:
    """Without a record monitor and stop find the processes by their marker, at more cost: a full
    disk is no reason to refuse service."""
    try:
        files.make_state_folder(instance.folder)
        files.replace(instance.file("record"), str(record), 0o600)
    except OSError as error:
        log.warning(f"no record of PID {record.leader.pid} could be written: {error}")
    try:
        files.replace(instance.pid_file, f"{record.leader.pid}\n", 0o644)
    except OSError as error:
        log.warning(f"PID file {instance.pid_file} could not be written: {error}")
