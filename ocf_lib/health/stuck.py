"""Is a service that gives no answer stuck, which a restart mends, or does it make progress on a
busy host, which a restart makes slower?

It is stuck if its processes sleep: they neither ran, nor waited for a CPU, for a disk or for
another service's answer. One that spins or starves makes progress as far as anybody can see, so
there is a limit: hang_grace.
"""

from __future__ import annotations

from time import monotonic, sleep

from ocf_lib.dependencies import full_check
from ocf_lib.health.late import ENOUGH_SECONDS, LATE_SECONDS, LOOK_SECONDS
from ocf_lib.health.watch import Watch
from ocf_lib.launch import running
from ocf_lib.net.patience import Patience
from ocf_lib.outcomes import Degraded, Failed, Outcome, Suspect
from ocf_lib.processes.process import has_working_child

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.instance import Instance
    from ocf_lib.processes.process import Stat
    from ocf_lib.processes.progress import Times

# Seconds without an answer after which even a service that makes progress fails, for agents without
# the parameter.
HANG_GRACE = 180
# The share of that time for which a thread that makes progress was awake: it ran, or waited for a
# CPU. Measured beside 0 to 32 busy loops on two cores (docs/measurements.md): real services that
# work are awake for at least 71 % of it, and those that sleep in a lock for none.
AWAKE_SHARE = 0.25
# A thread that only wakes up now and then waits for a CPU each time, on some hosts for half of the
# time. What tells it from one that works is how long it ran, as a share of the time in which it ran
# or slept: 3 % at most against 17 % (measured). One that hardly ever sleeps has no such share.
RUN_SHARE, SLEEPLESS_SHARE = 0.05, 0.75
# The share of that time in which we waited for a CPU ourselves, if the host is too busy for a
# verdict. Beside 16 busy loops on two cores it is 0.04 to 0.07, beside 32 of them 0.13 (measured).
STARVED_SHARE = 0.5
# The share of that time in which we waited for a CPU ourselves if the host is busy: 0.01 on a quiet
# one, 0.03 beside 4 busy loops (measured). Beside 16, Keystone took up to 1.7 s to validate a
# token: it gets PATIENT_SECONDS for that and for the list of its versions.
BUSY_SHARE, PATIENT_SECONDS = 0.02, 10.0
# The share of that time for which another service has owed an answer, if that explains the silence.
OWED_SHARE = 0.5
# Seconds before the first look at which our own request may have begun. What the service asked
# before that has nothing to do with it.
ASKED_SECONDS = LATE_SECONDS + 1.0
# Seconds: oslo.service and uwsgi replace a worker within one second.
WORKER_SECONDS = 3.0


def excuse(
    instance: Instance, fault: Suspect, watch: Watch | None, patience: Patience, note: str
) -> None:
    """Returns if the service is stuck, or if an answer with an error came at once.

    watch: what was seen while the answer was awaited; None if nobody has looked yet. note: the name
    of the note with the time since which it has lasted. Raises Degraded if the service makes
    progress, or if nobody can know; Failed once that has lasted for longer than parameter
    hang_grace.
    """
    watch = watch or Watch(instance, whole=True)
    if fault.is_late:
        _watch_on(watch, patience)
    why = progress_of(watch)
    if watch.seconds < ENOUGH_SECONDS / 2:
        why = "this agent had no time to see why (host busy" if fault.is_late else ""
    if not why and fault.is_late:
        why = _owed(instance, watch)
    if not why:
        return
    age = instance.notes.begin(note)
    given = instance.parameters.get("hang_grace")
    grace = HANG_GRACE if given is None else given
    if age >= grace:
        raise Failed(f"{fault}, for {age:.0f} s (hang_grace is {grace}); {why})")
    raise Degraded(f"{fault}; {why}, degraded)")


def fair_seconds(watch: Watch | None, patience: Patience) -> float:
    """Seconds within which a dependency that lives answers. It may be on this host: if the host is
    busy, it is not to blame for a service that is stuck."""
    if watch is None or not watch.seconds or watch.own.waited < BUSY_SHARE * watch.seconds:
        return full_check.SECONDS
    return max(full_check.SECONDS, min(PATIENT_SECONDS, patience.left / 2))


def await_worker(instance: Instance, leader: Stat, note: str) -> None:
    """Returns once the parent has a worker again, or another process of the instance works. The
    parent gets WORKER_SECONDS to replace a dead worker.

    Raises Failed if it does not; as `excuse` does if a busy host kept it from that.
    """
    deadline = instance.environment.deadline
    watch = Watch(instance, whole=True)
    until = min(monotonic() + WORKER_SECONDS, deadline)
    fault = Suspect(f"PID {leader.pid} has no worker left that runs", is_late=True)
    while not has_working_child(leader.pid):
        others = [p for p in running.members_of(instance).all if p.pid != leader.pid]
        if any(process.is_frozen for process in others):
            raise fault  # nobody replaces a worker that is only frozen
        if monotonic() >= until:
            if any(process.is_working for process in others):
                return
            excuse(instance, fault, watch, Patience(deadline), note)
            raise fault
        watch.look()
        sleep(LOOK_SECONDS)


def progress_of(watch: Watch) -> str:
    """What the processes did while `watch` looked, if that was not just sleeping; else "". The
    parenthesis at its end is left open."""
    if watch.service is None or not watch.seconds:
        return ""
    for theirs in (*watch.service.times, *watch.service.process_times):
        if is_progress(theirs, watch.seconds):
            return "its processes " + _told(theirs)
    ours = watch.own
    if ours.waited + ours.blocked >= STARVED_SHARE * watch.seconds:
        return "this agent itself " + _told(ours)
    if watch.held_up >= STARVED_SHARE * watch.seconds:
        return f"this agent itself was held up for {watch.held_up:.1f} s (host busy"
    return ""


def is_progress(times: Times, watched: float) -> bool:
    """Whether a thread that did this in the `watched` seconds is at work."""
    if times.blocked >= AWAKE_SHARE * watched or times.total >= SLEEPLESS_SHARE * watched:
        return True
    asleep = watched - times.total
    is_awake = times.total >= AWAKE_SHARE * watched
    return is_awake and times.ran >= RUN_SHARE * (times.ran + asleep)


def _owed(instance: Instance, watch: Watch) -> str:
    """Another service that owes ours an answer, for most of the time for which we have waited; ""
    for none. A broker is none: what its connections send are signs of life."""
    from ocf_lib.dependencies import needs
    from ocf_lib.net import unanswered

    try:
        known = needs.of(instance.service, instance.parameters)
    except Outcome:
        known = []
    brokers = {port for need in known if need.name == "broker" for port in need.ports}
    longest = unanswered.longest(watch.pids, watch.age + ASKED_SECONDS, brokers)
    if longest is None or longest.seconds < OWED_SHARE * watch.seconds:
        return ""
    return (
        f"its processes have waited {longest.seconds:.1f} s for an answer of {longest.place} "
        "(another service is slow"
    )


def _told(times: Times) -> str:
    if times.ran >= max(times.waited, times.blocked):
        return f"used {times.ran:.1f} s of CPU (busy"
    if times.waited >= times.blocked:
        return f"waited {times.waited:.1f} s for a CPU (host busy"
    return f"waited {times.blocked:.1f} s for a disk (host busy"


def _watch_on(watch: Watch, patience: Patience) -> None:
    """Watch until that tells something, if there is time."""
    if watch.seconds < ENOUGH_SECONDS:
        watch.forget()
    while watch.seconds < ENOUGH_SECONDS and patience.left > 0:
        watch.look()
        sleep(LOOK_SECONDS)
