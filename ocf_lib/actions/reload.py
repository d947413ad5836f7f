"""reload: have the daemon re-read its own configuration, and go on working (cold module).

Source: uwsgi-docs, "Graceful Reloading"; oslo.config, "Option Mutability".
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from time import monotonic, sleep

from ocf_lib.actions import start, validate
from ocf_lib.declare.service import Uwsgi
from ocf_lib.dependencies import needs
from ocf_lib.health import blame
from ocf_lib.instance import USUAL_REQUEST
from ocf_lib.launch import command, run, running
from ocf_lib.launch.last_words import Printed, conceal, size_of
from ocf_lib.launch.oslo import Options
from ocf_lib.net import http
from ocf_lib.outcomes import Failed, InvalidHere, NotRunning, Unimplemented
from ocf_lib.processes import members, signals
from ocf_lib.state import files, lock
from ocf_lib.state.notes import Notes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocf_lib.instance import Instance
    from ocf_lib.log import Log
    from ocf_lib.processes.process import Reloading, Stat
    from ocf_lib.state.record import Record

POLL = 0.1
# A daemon handles no such signal while it acts on one: the next would end it (oslo.service for
# 0.1 s, uwsgi for 0.03 s: measured).
HEED_SECONDS = 2.0
# The share of its time that it waits for a start that is under way.
LOCK_SHARE = 0.25
# What looks done for this long is done: what dies of its configuration, dies at once.
STEADY_SECONDS = 1.0


def reload(instance: Instance, log: Log) -> None:
    """Returns when the daemon, the same process as before, has re-read its configuration and is of
    use again.

    Before it is told anything: raises Misconfigured, InvalidHere and NotInstalled as validate-all
    does, NotRunning, and Unimplemented where what runs cannot do it. After that: raises Failed
    where it dies of its configuration, with its last words, or is of no use in time.
    """
    validate.parameters(instance, log)
    validate.host(instance)
    now, deadline = monotonic(), instance.environment.deadline
    with lock.held(instance.file("lock"), now + LOCK_SHARE * (deadline - now)) as locked:
        if not locked:
            raise Failed("a start, a stop or a reload is under way: nothing was reloaded")
        leader = _leader(instance)
        record = start.adopt(instance, leader.pid)
        how = record.reloading or command.reloading_of(instance)
        before = _children(leader)
        _make_sure(leader, how, before)
        wanted = command.resolve(instance)
        options = needs.options_of(instance, wanted.argv)
        if options.flaw and _is_oslo(instance):
            raise InvalidHere(f"{options.flaw} is no option: nothing was reloaded")
        if instance.service.api is not None:
            _ask(instance, leader)
        watch = _watch(instance, record, wanted.logs, options)
        with _noted(instance, leader):
            log.info(f"{instance.name}: {signal.Signals(how.signal).name} for PID {leader.pid}")
            signals.send([leader], how.signal)
            _await(leader, how, before, watch, deadline)
            # it may have been told otherwise by now
            record.reloading = command.reloading_of(instance)
            start.until_usable(instance, record, watch, wanted.argv, log)
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
    return {process.pid for process in members.scan().values() if process.ppid == leader.pid}


def _make_sure(leader: Stat, how: Reloading, children: set[int]) -> None:
    """It does what we want, rather than end of it. Raises Unimplemented."""
    if not how.signal:
        raise Unimplemented(f"PID {leader.pid} re-reads no configuration: restart it")
    name = signal.Signals(how.signal).name
    if how.replaces_workers and not children:
        # a uwsgi without a master
        raise Unimplemented(f"PID {leader.pid} has no workers, and would end of {name}: restart it")
    until = monotonic() + HEED_SECONDS
    while not signals.is_heeded(leader, how.signal):
        if monotonic() >= until:
            raise Unimplemented(f"PID {leader.pid} does not heed {name}: restart it")
        sleep(POLL)


def _is_oslo(instance: Instance) -> bool:
    """What it re-reads is read by oslo.config; Horizon's is not."""
    program = command.program_of(instance)
    names = any(word.startswith("--config-file") for word in program.arguments)
    return names or (isinstance(program, Uwsgi) and bool(program.environment))


def _ask(instance: Instance, leader: Stat) -> None:
    """Whatever it answers will do. A uwsgi that hears of it while it loads its application goes on
    to serve nobody. Raises Failed."""
    api = instance.service.api
    assert api is not None
    endpoint = running.endpoint_of(instance, leader.pid)
    if endpoint is None:
        raise Failed(f"PID {leader.pid} listens on no TCP port yet: nothing was reloaded")
    try:
        seconds = instance.request_seconds
        http.get(endpoint.called(instance.known_as), api.path, seconds, insecure=True)
    except http.NoAnswer as error:
        raise Failed(f"API {endpoint.url}/ {error}: nothing was reloaded") from None


def _watch(
    instance: Instance, record: Record, logs: Sequence[str], options: Options
) -> Callable[[], None]:
    """What raises Died, with its last words, when it has."""
    pid, secrets = record.leader.pid, options.secrets()
    paths = [*logs, run.log_path(instance)]
    printed = [Printed(path, -1, size_of(path)) for path in paths]

    def watch() -> None:
        if record.leader.alive() is None:
            lines = (one.last_line(record.leader.uid) for one in printed)
            words = conceal(next(filter(None, lines), "without a word"), secrets)
            raise start.Died(f"PID {pid} ended as it re-read its configuration: {words}")

    return watch


@contextlib.contextmanager
def _noted(instance: Instance, leader: Stat) -> Iterator[None]:
    """For the block monitor knows what goes on, and one that asked meanwhile until it has waited;
    should we be killed, for no longer than we had."""
    notes = Notes(instance.file("reload"))
    notes["leader"] = f"{leader.pid} {leader.start}"
    notes["until"] = f"{instance.environment.deadline:.3f}"
    notes.keep()
    try:
        yield
    except BaseException:
        files.remove(instance.file("reload"))
        raise
    longest = instance.parameters.get("api_timeout") or USUAL_REQUEST
    notes["until"] = f"{monotonic() + longest + blame.SECONDS:.3f}"
    notes.keep()


def _await(
    leader: Stat,
    how: Reloading,
    before: set[int],
    watch: Callable[[], None],
    deadline: float,
) -> None:
    """Until it is ready for the next signal and, where it renews its workers, has a new one.
    Raises Failed."""
    since = None
    while since is None or monotonic() < since + STEADY_SECONDS:
        watch()
        if monotonic() >= deadline:
            raise Failed(f"PID {leader.pid} has not re-read its configuration yet: it still works")
        is_new = not how.replaces_workers or bool(_children(leader) - before)
        is_done = is_new and signals.is_heeded(leader, how.signal)
        since = (since or monotonic()) if is_done else None
        sleep(POLL)
