"""monitor, status and probe: what is the state of this instance? Changes nothing.

Level 0 looks at the processes. Level 10, the default, asks the API, and checks the dependencies of
the service. Level 20 logs in. A level that does not exist means the next lower one.
"""

from __future__ import annotations

from ocf_lib.actions import overdue
from ocf_lib.outcomes import Afflicted, Failed, NotRunning, Refused, Suspect
from ocf_lib.processes.process import has_working_child
from ocf_lib.state.notes import Notes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.health.late import Late
    from ocf_lib.instance import Instance
    from ocf_lib.net.endpoint import Endpoint
    from ocf_lib.net.patience import Patience
    from ocf_lib.processes.process import Stat
    from ocf_lib.state.record import Record

API_LEVEL, DEEP_LEVEL = 10, 20
# Note: since when the parent has had no worker.
NO_WORKER = "noworker"


def monitor(instance: Instance) -> None:
    """Returns if the instance runs well.

    Raises NotRunning if no process of it is left, Failed if it is at fault, Degraded if something
    else is. A dependency that is down counts from the second poll in a row.
    """
    record = instance.record
    leader = record.leader.alive() if record is not None else None
    if leader is None:
        leader = _search(instance)
    if leader.is_frozen:
        raise Failed(f"PID {leader.pid} is frozen (stopped by a signal)")
    try:
        _judge(instance, leader, record)
    except Failed:
        if not _is_reloading(instance, leader):
            raise


def _judge(instance: Instance, leader: Stat, record: Record | None) -> None:
    has_workers = record is not None and record.has_workers
    if has_workers and has_working_child(leader.pid) is False:
        from ocf_lib.health import stuck

        overdue.arm(instance.environment, leader.pid)
        stuck.await_worker(instance, leader, NO_WORKER)
    elif instance.notes[NO_WORKER]:
        instance.notes.drop(NO_WORKER)
    level = instance.environment.check_level
    level = API_LEVEL if level is None else level
    if level < API_LEVEL or instance.environment.action == "status":
        return
    overdue.arm(instance.environment, leader.pid)
    level = DEEP_LEVEL if level >= DEEP_LEVEL else API_LEVEL
    try:
        _check(instance, leader, record, level)
    except Afflicted as outcome:
        instance.notes.drop(f"lagging.{level}")
        if _is_news(instance, f"trouble.{level}", outcome.dependency):
            raise
    else:
        instance.notes.drop(f"lagging.{level}", f"trouble.{level}")


def _check(instance: Instance, leader: Stat, record: Record | None, level: int) -> None:
    """Check the API, then the dependencies, then the self-report. The API comes first, because a
    server error says that the dependencies need a full check."""
    from ocf_lib.net.patience import Patience

    deadline, longest = instance.environment.deadline, instance.parameters.get("api_timeout")
    patience = Patience(deadline, longest)
    if instance.service.api is not None:
        from ocf_lib.health.late import Late

        late = Late(instance)
        _check_api(instance, leader, record, level, Patience(deadline, longest, late), late)
    try:
        _check_more(instance, level, patience)
    except Suspect as fault:
        from ocf_lib.health import stuck

        stuck.excuse(instance, fault, None, patience, f"lagging.{level}")
        raise


def _check_more(instance: Instance, level: int, patience: Patience) -> None:
    """Check the dependencies, and the self-report. Raises Suspect if the service has had no
    connection or no report for too long."""
    from ocf_lib.dependencies.quick_check import doubtful

    for name in doubtful(instance, patience):
        from ocf_lib.health import blame

        blame.judge(instance, name, patience)
    if level >= DEEP_LEVEL and instance.service.report is not None:
        from ocf_lib.health import selfreport

        selfreport.check(instance, patience)


def _check_api(
    instance: Instance,
    leader: Stat,
    record: Record | None,
    level: int,
    patience: Patience,
    late: Late,
) -> None:
    """Ask the API. If it does not do its work: is something else to blame, or is the host busy?"""
    trouble = f"trouble.{level}"
    try:
        _ask(instance, leader, record, level, patience)
    except (Refused, Suspect) as fault:
        from ocf_lib.health import blame, stuck

        longest = stuck.fair_seconds(late.watch, patience)
        has_needs = blame.explain(instance, fault, patience, trouble, longest)
        if isinstance(fault, Suspect):
            stuck.excuse(instance, fault, late.watch, patience, f"unanswered.{level}")
        if not has_needs:
            raise
        # the dependency to blame may have come back just now: ask once more
        try:
            _ask(instance, leader, record, level, patience.at_most(blame.SECONDS))
        except (Refused, Suspect):
            raise fault from None
    except Afflicted as outcome:
        from ocf_lib.health import blame

        blame.trace(instance, outcome, patience)
        raise
    instance.notes.drop(f"unanswered.{level}")


def _ask(
    instance: Instance, leader: Stat, record: Record | None, level: int, patience: Patience
) -> None:
    from ocf_lib.health import api

    endpoint = record.endpoint if record is not None else None
    declared = instance.service.api
    assert declared is not None
    if endpoint is None or record is None or record.url != api.place(declared, instance.parameters):
        endpoint = _locate(instance, leader)
    api.Client(instance, endpoint, patience).check(deep=level >= DEEP_LEVEL)


def _is_news(instance: Instance, name: str, dependency: str) -> bool:
    """Whether to report that `dependency` is down. A single failing poll may be a flap and is not
    reported; one that follows a poll with trouble of any kind is. A probe is the only poll, so it
    always reports."""
    before = instance.notes[name] or instance.notes[instance.said]
    instance.notes[name] = dependency
    instance.notes.stamp(f"{name}.seen")
    return bool(before) or instance.environment.is_probe


def _is_reloading(instance: Instance, leader: Stat) -> bool:
    """Whether action reload has the daemon re-read its configuration at this moment. If the daemon
    does not answer afterwards, reload itself fails."""
    noted = Notes(instance.file("reload"))
    is_over = noted.since("until") is not None
    return not is_over and noted["leader"] == f"{leader.pid} {leader.start}"


def _search(instance: Instance) -> Stat:
    """Search all processes for the leader: there is no record, or its process is dead. Raises
    NotRunning if there is no process, Failed if only orphans are left."""
    from ocf_lib.launch import running

    found = running.members_of(instance)
    if not found:
        raise NotRunning(f"no process of {instance.name} is running")
    if found.leader is None:
        raise Failed(f"the parent process is gone, {found} of it remain")
    return found.leader


def _locate(instance: Instance, leader: Stat) -> Endpoint:
    from ocf_lib.health import discover

    found = discover.endpoint_of(instance, leader.pid)
    if found is None:
        where = "listens on no TCP port (parameter url can name its API)"
        raise Suspect(f"PID {leader.pid} {where}", is_late=True)
    return found
