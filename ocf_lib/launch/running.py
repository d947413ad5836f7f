"""Which processes of an instance run now? Found in /proc, with or without a record."""

from __future__ import annotations

from time import monotonic, sleep

from ocf_lib.launch import command, user
from ocf_lib.outcomes import Outcome
from ocf_lib.processes import members
from ocf_lib.processes.process import has_working_child

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.instance import Instance

# Seconds: oslo.service and uwsgi replace a worker within one second.
WORKER_SECONDS, WORKER_POLL = 3.0, 0.1


def members_of(instance: Instance) -> members.Members:
    """All processes of the instance: those that we started, or else one daemon that somebody else
    started with exactly the command that start would run."""
    service, record = instance.service, instance.record
    account = user.account_of(instance.parameters["user"])
    uid = account.pw_uid if account else None
    workers = user.uids_of(service.worker_users)
    leader = record.leader if record else None
    found = members.find(instance.name, leader, uid, service.left_running, workers)
    if found:
        # the configuration is not read: it may be on a file system that hangs
        return found
    try:
        argv = command.resolve(service, instance.parameters).argv
    except Outcome:
        return found  # a program that is not installed or configured here cannot run like this
    foreign = members.find_foreign(uid, argv, service.left_running)
    foreign.sentinels = found.sentinels
    return foreign


def await_worker(instance: Instance, leader: int) -> bool:
    """Whether the parent has a worker, or another process of the instance works. The parent gets
    WORKER_SECONDS to replace a dead worker."""
    until = min(monotonic() + WORKER_SECONDS, instance.environment.deadline)
    while not has_working_child(leader):
        others = [p for p in members_of(instance).all if p.pid != leader]
        # nobody replaces a worker that is only frozen
        if any(process.is_frozen for process in others) or monotonic() >= until:
            return any(process.is_working for process in others)
        sleep(WORKER_POLL)
    return True
