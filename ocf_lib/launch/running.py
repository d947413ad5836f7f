"""Which processes of an instance run now? Found in /proc, with or without a record."""

from __future__ import annotations

from ocf_lib.launch import command, user
from ocf_lib.outcomes import Outcome
from ocf_lib.processes import members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.instance import Instance


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
