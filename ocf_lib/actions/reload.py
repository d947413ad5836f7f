"""reload: have the daemon re-read its own configuration, and go on working.

Source: uwsgi-docs, "Graceful Reloading"; oslo.config, "Option Mutability".
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from time import monotonic, sleep

from ocf_lib.actions import ready, validate
from ocf_lib.declare.service import Uwsgi
from ocf_lib.health import blame, discover
from ocf_lib.health.api import public_url
from ocf_lib.launch import options as daemon_options
from ocf_lib.launch import run, running
from ocf_lib.launch.last_words import Printed, size_of
from ocf_lib.log import conceal
from ocf_lib.net import http
from ocf_lib.net.patience import Patience
from ocf_lib.outcomes import Died, Failed, InvalidHere, NotRunning, Unimplemented
from ocf_lib.processes import procfs, signals
from ocf_lib.state import files, lock
from ocf_lib.state.notes import Notes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocf_lib.declare.service import Program, Reloading
    from ocf_lib.instance import Instance
    from ocf_lib.log import Log
    from ocf_lib.processes.process import Process, Stat

POLL = 0.1
# Seconds. A daemon that acts on such a signal does not catch a second one, which would end it: for
# 0.1 s under oslo.service, for 0.03 s under uwsgi (measured).
HEED_SECONDS = 2.0
# The share of its time that reload may wait for a running start.
LOCK_SHARE = 0.25
# A reload that looks done for this many seconds is done: a daemon that dies of its configuration
# dies at once.
STEADY_SECONDS = 1.0


def reload(instance: Instance, log: Log) -> None:
    """Returns once the daemon, still the same process, has re-read its configuration and passes the
    same readiness check as after start.

    Before the daemon is told anything: raises Misconfigured, InvalidHere and NotInstalled as
    validate-all does, NotRunning, and Unimplemented if the daemon cannot reload. After that: raises
    Failed if it dies of its configuration, with its last words, or is not ready in time.
    """
    validate.parameters(instance, log)
    wanted = validate.host(instance)
    service, of = instance.service, instance.parameters
    now, deadline = monotonic(), instance.environment.deadline
    patience = Patience(deadline, of.get("api_timeout"))
    with lock.held(instance.file("lock"), now + LOCK_SHARE * (deadline - now)) as locked:
        if not locked:
            raise Failed("a start, a stop or a reload is under way: nothing was reloaded")
        leader = _leader(instance)
        record = ready.adopt(instance.record, leader.pid, wanted)
        how = record.reloading or wanted.reloading
        before = _children(leader)
        _make_sure(leader, how, before)
        options = daemon_options.of(service, of, wanted.argv)
        if options.flaw and _is_oslo(wanted.program):
            raise InvalidHere(f"{options.flaw} is no option: nothing was reloaded")
        if service.api is not None:
            _ask(instance, leader, patience)
        logs = [*wanted.logs, run.log_path(instance)]
        watch = _watch(record.leader, logs, options.secrets())
        with _noted(instance.file("reload"), leader, patience):
            log.info(f"{instance.name}: {signal.Signals(how.signal).name} for PID {leader.pid}")
            signals.send([leader], how.signal)
            _await(leader, how, before, watch, deadline)
            # a uwsgi's new configuration may say that it exits at the next reload
            record.reloading = wanted.reloading
            ready.wait(instance, record, watch, options, log)
        log.info(f"{instance.name} has re-read its configuration")


def _leader(instance: Instance) -> Stat:
    found = running.members_of(instance)
    if not found:
        raise NotRunning(f"no process of {instance.name} is running")
    if found.leader is None:
        raise Failed(f"the parent process is gone, {found} of it remain: nothing was reloaded")
    if found.leader.is_frozen:
        raise Failed(f"PID {found.leader.pid} is frozen (stopped by a signal)")
    return found.leader


def _children(leader: Stat) -> set[int]:
    return {process.pid for process in procfs.scan().values() if process.ppid == leader.pid}


def _make_sure(leader: Stat, how: Reloading, children: set[int]) -> None:
    """Raises Unimplemented unless the signal makes the daemon reload and does not end it."""
    if not how.signal:
        raise Unimplemented(f"PID {leader.pid} re-reads no configuration: restart it")
    name = signal.Signals(how.signal).name
    if how.replaces_workers and not children:
        # a uwsgi without a master
        raise Unimplemented(f"PID {leader.pid} has no workers, and {name} would end it: restart it")
    until = monotonic() + HEED_SECONDS
    while not signals.is_heeded(leader, how.signal):
        if monotonic() >= until:
            raise Unimplemented(f"PID {leader.pid} does not heed {name}: restart it")
        sleep(POLL)


def _is_oslo(program: Program) -> bool:
    """Whether the program reads its configuration with oslo.config. Horizon's does not."""
    names = any(word.startswith("--config-file") for word in program.arguments)
    return names or (isinstance(program, Uwsgi) and bool(program.environment))


def _ask(instance: Instance, leader: Stat, patience: Patience) -> None:
    """Raises Failed unless the API answers; any answer is enough. A uwsgi that gets the signal
    while it loads its application serves nobody afterwards."""
    api = instance.service.api
    assert api is not None
    endpoint = discover.endpoint_of(instance, leader.pid)
    if endpoint is None:
        raise Failed(f"PID {leader.pid} listens on no TCP port yet: nothing was reloaded")
    try:
        at = endpoint.called(public_url(api, instance.parameters))
        http.ask(at, api.path, patience.seconds, insecure=True)
    except http.NoAnswer as error:
        raise Failed(f"API {endpoint.url}/ {error}: nothing was reloaded") from None


def _watch(leader: Process, logs: Sequence[str], secrets: set[str]) -> Callable[[], None]:
    """A function that raises Died, with the daemon's last words, once it has died."""
    printed = [Printed(path, -1, size_of(path)) for path in logs]

    def watch() -> None:
        if leader.alive() is None:
            lines = (one.last_line(leader.uid) for one in printed)
            words = conceal(next(filter(None, lines), "without a word"), secrets)
            raise Died(f"PID {leader.pid} ended as it re-read its configuration: {words}")

    return watch


@contextlib.contextmanager
def _noted(path: str, leader: Stat, patience: Patience) -> Iterator[None]:
    """During the block, the file at `path` tells monitors about the reload. Afterwards it stays
    valid until a monitor that asked the API meanwhile has its answer. If we are killed, it stays
    valid until our deadline."""
    notes = Notes(path)
    notes["leader"] = f"{leader.pid} {leader.start}"
    notes["until"] = f"{patience.deadline:.3f}"
    notes.keep()
    try:
        yield
    except BaseException:
        files.remove(path)
        raise
    notes["until"] = f"{monotonic() + patience.longest + blame.SECONDS:.3f}"
    notes.keep()


def _await(
    leader: Stat,
    how: Reloading,
    before: set[int],
    watch: Callable[[], None],
    deadline: float,
) -> None:
    """Wait until the daemon is ready for the next signal and, if it replaces its workers, has a new
    one. Raises Failed if that takes too long."""
    since = None
    while since is None or monotonic() < since + STEADY_SECONDS:
        watch()
        if monotonic() >= deadline:
            raise Failed(f"PID {leader.pid} has not re-read its configuration yet: it still works")
        is_new = not how.replaces_workers or bool(_children(leader) - before)
        is_done = is_new and signals.is_heeded(leader, how.signal)
        since = (since or monotonic()) if is_done else None
        sleep(POLL)
