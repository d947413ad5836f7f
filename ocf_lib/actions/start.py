"""start: run the daemon, and return once it is ready for use."""

from __future__ import annotations

from ocf_lib.actions import ready, validate
from ocf_lib.launch import options as daemon_options
from ocf_lib.launch import port_conflict, run, running, stale_pid_file
from ocf_lib.log import conceal
from ocf_lib.outcomes import Died, Failed
from ocf_lib.processes.process import Process
from ocf_lib.sentinel.spawn import NEWS_SECONDS
from ocf_lib.state import lock
from ocf_lib.state.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.instance import Instance
    from ocf_lib.launch.command import Command
    from ocf_lib.launch.oslo import Options
    from ocf_lib.log import Log


def start(instance: Instance, log: Log) -> None:
    """Returns once the service answers, or is connected to its broker. A daemon that runs already
    is left as it is.

    Raises Failed if it dies, with its last words, or does not answer in time; Misconfigured,
    InvalidHere and NotInstalled as validate-all does.
    """
    validate.parameters(instance, log)
    wanted = validate.host(instance)
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
            record = ready.adopt(instance.record, found.leader.pid, wanted)
            _wait(instance, record, None, log)
            ready.settle_sentinel(instance)
            return
        daemon, record = _launch(instance, wanted, log)
        try:
            _wait(instance, record, daemon, log)
        except Died:
            if not stale_pid_file.remove(wanted, daemon, until, log):
                raise
            daemon, record = _launch(instance, wanted, log)
            _wait(instance, record, daemon, log)
        if not instance.parameters.get("crash_detection"):
            # the daemon has a sentinel all the same; finding it takes a scan of all processes
            ready.settle_sentinel(instance)


def _launch(instance: Instance, wanted: Command, log: Log) -> tuple[run.Daemon, Record]:
    """Run the daemon, and record it."""
    instance.notes.drop("")  # all notes are from a former run
    daemon = run.launch(instance, wanted, log)
    # Recorded before anything else: Pacemaker SIGKILLs us at the action's timeout, and the stop
    # that follows must know what to end. Owner and executable follow once they cannot change any
    # more.
    leader = Process(daemon.process.pid, daemon.process.start)
    record = Record(leader, wanted.program.ending, reloading=wanted.reloading)
    ready.keep(instance, record, log)
    log.info(f"{instance.name} launched as PID {leader.pid}: {' '.join(wanted.argv)}")
    return daemon, record


def _wait(instance: Instance, record: Record, daemon: run.Daemon | None, log: Log) -> None:
    """Wait until the service is ready. daemon: None if we did not start it. Raises as ready.wait
    does."""
    service, of = instance.service, instance.parameters
    options = daemon_options.of(service, of, daemon.argv) if daemon else None

    def watch() -> None:
        if record.leader.alive() is None:
            raise Died(_epitaph(instance, record, daemon, options))

    ready.wait(instance, record, watch, options, log)


def _epitaph(
    instance: Instance, record: Record, daemon: run.Daemon | None, options: Options | None
) -> str:
    """How the daemon ended, and what it said last, without the secrets in its options."""
    if daemon is None or options is None:
        return f"PID {record.leader.pid} ended while start waited for it to answer"
    words = conceal(daemon.last_words(), options.secrets())
    how = daemon.process.ended(NEWS_SECONDS) or "ended"
    why = port_conflict.explain(words, instance, daemon.argv)
    return f"{why}the daemon {how} during start" + (f": {words}" if words else ", without a word")
