"""stop: end every process of the instance, whatever state the host is in.

Any code but 0 fences the node, so nothing here needs the binary, the configuration, the user, valid
parameters, a state folder, a package beyond the standard library, or TLS.
"""

from __future__ import annotations

import signal
from math import inf
from time import monotonic, sleep

from ocf_lib.launch import command, running
from ocf_lib.outcomes import Failed
from ocf_lib.processes.signals import as_it_is, send
from ocf_lib.state import files, lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ocf_lib.declare.service import Ending
    from ocf_lib.instance import Instance
    from ocf_lib.log import Log
    from ocf_lib.processes.members import Members
    from ocf_lib.processes.process import Stat

POLL = 0.02
# For an orderly end: this share of the time that is left, and no more than so many seconds. The
# rest is for SIGKILL and for checks. A parent of oslo.service gives its workers 60 s
# (graceful_shutdown_timeout).
ORDERLY_SHARE, ORDERLY_SECONDS = 0.75, 90.0
# Seconds after which a process that was woken (SIGCONT) is asked again: on waking, any of its
# threads may take a signal, and Python acts on signals in its first thread alone (seen).
DEAF_SECONDS = 0.5
# Seconds for the end of the processes if less than TOO_LATE is left, because the host was too busy
# to run us sooner: Pacemaker may kill us before they are over, but to give up is as bad.
LEAST_SECONDS, TOO_LATE = 2.0, 0.2
# A stop may wait this share of its time for a running start.
LOCK_SHARE = 0.25


def stop(instance: Instance, log: Log) -> None:
    """Returns if no process of the instance lives and its state is gone. An instance that does not
    run is stopped already.

    Raises Failed if a process outlives SIGKILL.
    """
    now, deadline = monotonic(), instance.environment.deadline
    with lock.held(instance.file("lock"), now + LOCK_SHARE * (deadline - now)):
        record = instance.record
        found = running.members_of(instance)
        # before anything else: whatever ends from now on was asked to, and is no crash
        send(found.sentinels, signal.SIGKILL)
        if found:
            log.info(f"{instance.name}: ending {found}")
            service, of = instance.service, instance.parameters
            ending = record.ending if record else command.ending_of(service, of)
            _end(instance, found, ending, log)
        else:
            log.info(f"{instance.name} is not running")
        pids = {str(record.leader.pid)} if record else set()
        pids |= {str(found.leader.pid)} if found.leader else set()
        for pid in pids:
            files.remove(instance.pid_file, only_if=pid)
        for kind in ("record", "notes", "reload"):
            files.remove(instance.file(kind))


def _end(instance: Instance, found: Members, ending: Ending, log: Log) -> None:
    """Ask the parent to end, which tells its workers. Ask each process that outlives the parent.
    Kill what is left after the patience of `ending`, or after the time for an orderly end."""
    now = monotonic()
    deadline = instance.environment.deadline
    if deadline < now + TOO_LATE:
        deadline = now + LEAST_SECONDS
    patience = min(ORDERLY_SECONDS, ORDERLY_SHARE * (deadline - now))
    kill_at = now + min(patience, ending.patience or patience)
    asked: set[int] = set()
    killed = False
    woken = _wake(found.all)
    if found.leader is not None:
        send([found.leader], ending.signal)
        asked.add(found.leader.pid)
    while True:
        living = [process for process in map(as_it_is, found.all) if process is not None]
        woken.update(_wake(living))  # those that have been frozen since
        deaf = [each for each in living if monotonic() > woken.get(each.pid, inf) + DEAF_SECONDS]
        for process in deaf:
            is_leader = found.leader is not None and process.pid == found.leader.pid
            send([process], ending.signal if is_leader else signal.SIGTERM)
            del woken[process.pid]
        if not living:
            # searched anew: workers may have forked since
            found = running.members_of(instance)
            if not found:
                return
            living = found.all
        now = monotonic()
        if killed and now >= deadline:
            raise Failed(f"{found} outlived SIGKILL")
        if now >= kill_at:
            if not killed:
                # we may have been held up for longer than there is time (a host that is too busy)
                deadline = max(deadline, now + LEAST_SECONDS)
                log.warning(f"{instance.name}: SIGKILL for what did not end by itself: {found}")
            killed = True
            send(living, signal.SIGKILL)
        elif found.leader is None or found.leader.pid not in [each.pid for each in living]:
            orphans = [process for process in living if process.pid not in asked]
            send(orphans, signal.SIGTERM)
            asked.update(process.pid for process in orphans)
        sleep(POLL)


def _wake(processes: Iterable[Stat]) -> dict[int, float]:
    """Send SIGCONT to the frozen processes, which cannot act on other signals. Returns when that
    was, by PID."""
    frozen = [process for process in processes if process.is_frozen]
    send(frozen, signal.SIGCONT)
    return {process.pid: monotonic() for process in frozen}
