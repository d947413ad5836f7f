"""monitor, status and probe: what is the state of this instance? Changes nothing (hot module).

Level 0 looks at the processes. Level 10, the default, asks the API, and whether what the service
depends on is there. Level 20 logs in. A level that does not exist means the next lower one.
"""

from __future__ import annotations

from ocf_lib.outcomes import Afflicted, Failed, NotRunning, Refused, Suspect
from ocf_lib.processes.process import has_working_child
from ocf_lib.state.notes import Notes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.instance import Instance
    from ocf_lib.net.endpoint import Endpoint
    from ocf_lib.processes.process import Stat
    from ocf_lib.state.record import Record

API_LEVEL, DEEP_LEVEL = 10, 20


def monitor(instance: Instance) -> None:
    """Returns where the instance runs well.

    Raises NotRunning where no process of it is left, Failed where it is at fault, Degraded where
    something else is, and was so at the poll before this one.
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
        _await_worker(instance, leader)
    level = instance.environment.check_level
    level = API_LEVEL if level is None else level
    if level < API_LEVEL or instance.environment.action == "status":
        return
    level = DEEP_LEVEL if level >= DEEP_LEVEL else API_LEVEL
    try:
        _look(instance, leader, record, level)
    except Afflicted as outcome:
        if _is_news(instance, f"trouble.{level}", outcome.dependency):
            raise
    else:
        instance.notes.drop(f"trouble.{level}")


def _look(instance: Instance, leader: Stat, record: Record | None, level: int) -> None:
    """The API first: where it answers a server error, it is known what to look for."""
    if instance.service.api is not None:
        try:
            _ask(instance, leader, record, level)
        except (Refused, Suspect) as fault:
            from ocf_lib.health import blame

            if not blame.find(instance, fault, f"trouble.{level}"):
                raise
            # what explained it may have come back just now
            instance.patience = blame.SECONDS
            try:
                _ask(instance, leader, record, level)
            except (Refused, Suspect):
                raise fault from None
        except Afflicted as outcome:
            from ocf_lib.health import blame

            blame.trace(instance, outcome)
            raise
    from ocf_lib.dependencies.quick_check import watch

    watch(instance)
    if level >= DEEP_LEVEL and instance.service.report is not None:
        from ocf_lib.health import selfreport

        selfreport.look(instance)


def _ask(instance: Instance, leader: Stat, record: Record | None, level: int) -> None:
    api = instance.service.api
    assert api is not None
    endpoint = record.endpoint if record is not None else None
    if endpoint is None or (record is not None and record.url != instance.location):
        endpoint = _locate(instance, leader)
    from ocf_lib.health.api import Client

    Client(instance, api, endpoint.called(instance.known_as)).check(deep=level >= DEEP_LEVEL)


def _is_news(instance: Instance, name: str, dependency: str) -> bool:
    """Of a dependency that flaps, one failing poll is none; after a poll that was not well it is,
    whatever that saw. A probe is the only poll there is."""
    before = instance.notes[name] or instance.notes[instance.said]
    instance.notes[name] = dependency
    instance.notes.stamp(f"{name}.seen")
    return bool(before) or instance.environment.is_probe


def _is_reloading(instance: Instance, leader: Stat) -> bool:
    """Its configuration is being re-read at this moment: it answers when that is done, and action
    reload says so if not."""
    noted = Notes(instance.file("reload"))
    is_over = noted.since("until") is not None
    return not is_over and noted["leader"] == f"{leader.pid} {leader.start}"


def _search(instance: Instance) -> Stat:
    """The leader, looked for among all processes: there is no record, or its process is dead."""
    from ocf_lib.launch import running

    found = running.members_of(instance)
    if not found:
        raise NotRunning(f"no process of {instance.name} is running")
    if found.leader is None:
        raise Failed(f"the parent process is gone, {found} of it remain")
    return found.leader


def _await_worker(instance: Instance, leader: Stat) -> None:
    """A parent makes a new worker for one that died; it gets the time for it. Raises Failed."""
    from ocf_lib.launch import running

    if not running.await_worker(instance, leader.pid):
        raise Failed(f"PID {leader.pid} has no worker left that runs")


def _locate(instance: Instance, leader: Stat) -> Endpoint:
    from ocf_lib.launch import running

    found = running.endpoint_of(instance, leader.pid)
    if found is None:
        raise Suspect(f"PID {leader.pid} listens on no TCP port (parameter url can name its API)")
    return found
