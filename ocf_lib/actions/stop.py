"""stop: nothing of the instance is left, whatever state the host is in (cold module).

Any code but 0 fences the node, so nothing here needs the binary, the configuration, the user, valid
parameters, a state folder or a package beyond the standard library.
"""

from __future__ import annotations

import signal
from math import inf
from time import monotonic, sleep

from ocf_lib.launch import command, running
from ocf_lib.outcomes import Failed
from ocf_lib.processes.signals import as_it_is, send
from ocf_lib.sentinel import spawn
from ocf_lib.state import files, lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ocf_lib.instance import Instance
    from ocf_lib.log import Log
    from ocf_lib.processes.members import Members
    from ocf_lib.processes.process import Ending, Stat

POLL = 0.02
# Of the time that is left, the share for an orderly end; the rest is for SIGKILL and for looking.
ORDERLY_SHARE = 0.75
# So long after it was woken a process is asked again: with several threads any may take a signal as
# it wakes, and Python acts in its first thread alone (seen).
DEAF_SECONDS = 0.5
# A stop may wait this share of its time for a start that is under way.
LOCK_SHARE = 0.25


def stop(instance: Instance, log: Log) -> None:
    """Returns when no process of the instance lives and its state is gone; an instance that does
    not run is stopped already.

    Raises Failed where a process outlives SIGKILL.
    """
    now, deadline = monotonic(), instance.environment.deadline
    with lock.held(instance.file("lock"), now + LOCK_SHARE * (deadline - now)):
        record = instance.record
        found = running.members_of(instance)
        # first of all: what ends from here on was asked to
        spawn.dismiss(found.sentinels)
        if found:
            log.info(f"{instance.name}: ending {found}")
            ending = record.ending if record else command.ending_of(instance)
            _end(instance, found, ending, log)
        else:
            log.info(f"{instance.name} is not running")
        pids = {str(record.leader.pid)} if record else set()
        pids |= {str(found.leader.pid)} if found.leader else set()
        for pid in pids:
            files.remove(instance.pid_file, only_if=pid)
        for kind in ("record", "token", "notes", "reload"):
            files.remove(instance.file(kind))


def _end(instance: Instance, found: Members, ending: Ending, log: Log) -> None:
    """The parent is asked, and tells its workers; what outlives it is asked; what is left when
    patience or three quarters of the time are over is killed."""
    now, deadline = monotonic(), instance.environment.deadline
    patience = ORDERLY_SHARE * (deadline - now)
    kill_at = now + min(patience, ending.patience or patience)
    asked: set[int] = set()
    killed = False
    woken = _wake(found.all)
    if found.leader is not None:
        send([found.leader], ending.signal)
        asked.add(found.leader.pid)
    while True:
        living = [process for process in map(as_it_is, found.all) if process is not None]
        woken.update(_wake(living))  # whom somebody froze since
        deaf = [each for each in living if monotonic() > woken.get(each.pid, inf) + DEAF_SECONDS]
        for process in deaf:
            is_leader = found.leader is not None and process.pid == found.leader.pid
            send([process], ending.signal if is_leader else signal.SIGTERM)
            del woken[process.pid]
        if not living:
            # looked for anew: workers may have forked since
            found = running.members_of(instance)
            if not found:
                return
            living = found.all
        now = monotonic()
        if now >= deadline:
            raise Failed(f"{found} outlived SIGKILL")
        if now >= kill_at:
            if not killed:
                log.warning(f"{instance.name}: SIGKILL for what did not end by itself: {found}")
            killed = True
            send(living, signal.SIGKILL)
        elif found.leader is None or found.leader.pid not in [each.pid for each in living]:
            orphans = [process for process in living if process.pid not in asked]
            send(orphans, signal.SIGTERM)
            asked.update(process.pid for process in orphans)
        sleep(POLL)


def _wake(processes: Iterable[Stat]) -> dict[int, float]:
    """Continue what a SIGSTOP keeps from hearing us; when that was, by PID."""
    frozen = [process for process in processes if process.is_frozen]
    send(frozen, signal.SIGCONT)
    return {process.pid: monotonic() for process in frozen}
