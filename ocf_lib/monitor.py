"""monitor, status and probe: what is the state of this instance? Changes nothing (hot module).

Level 0 looks at the processes. Level 10, the default, asks the API. Level 20 logs in. A level that
does not exist means the next lower one.
"""

from __future__ import annotations

from ocf_lib.outcomes import Failed, NotRunning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.endpoint import Endpoint
    from ocf_lib.instance import Instance
    from ocf_lib.process import Stat

API_LEVEL, DEEP_LEVEL = 10, 20


def monitor(instance: Instance) -> None:
    """Returns where the instance runs well.

    Raises NotRunning where no process of it is left, Failed where it is at fault, Degraded where
    something else is.
    """
    record = instance.record
    leader = record.leader.alive() if record is not None else None
    if leader is None:
        leader = _search(instance)
    if leader.is_frozen:
        raise Failed(f"PID {leader.pid} is frozen (stopped by a signal)")
    level = instance.environment.check_level
    level = API_LEVEL if level is None else level
    if instance.service.api is None or level < API_LEVEL or instance.environment.action == "status":
        return
    endpoint = record.endpoint if record is not None else None
    if endpoint is None or (record is not None and record.url != instance.location):
        endpoint = _locate(instance, leader)
    from ocf_lib.api import Client

    client = Client(instance, instance.service.api, endpoint.called(instance.known_as))
    client.check(deep=level >= DEEP_LEVEL)


def _search(instance: Instance) -> Stat:
    """The leader, looked for among all processes: there is no record, or its process is dead."""
    from ocf_lib import adoption

    found = adoption.members_of(instance)
    if not found:
        raise NotRunning(f"no process of {instance.name} is running")
    if found.leader is None:
        raise Failed(f"the parent process is gone, {found} of it remain")
    return found.leader


def _locate(instance: Instance, leader: Stat) -> Endpoint:
    from ocf_lib import adoption

    found = adoption.endpoint_of(instance, leader.pid)
    if found is None:
        raise Failed(f"PID {leader.pid} listens on no TCP port (parameter url can name its API)")
    return found
