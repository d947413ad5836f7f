"""Whose fault is it if something looks wrong: the service's own, which a restart may mend, or that
of something on which it depends, which no restart mends?"""

from __future__ import annotations

from ocf_lib.dependencies import full_check, needs
from ocf_lib.dependencies.database import Database
from ocf_lib.keystone import token
from ocf_lib.launch import running
from ocf_lib.net import sockets
from ocf_lib.net.endpoint import Endpoint
from ocf_lib.outcomes import Afflicted, Degraded, Failed, Outcome, Suspect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.dependencies.needs import Need
    from ocf_lib.instance import Instance
    from ocf_lib.net.patience import Patience
    from ocf_lib.state.notes import Notes

# Seconds for a full check of everything, at most; callers keep this much of their time for it.
SECONDS = 4.0
# For this many seconds after a dependency has come back, errors of the service are excused: real
# services take 5 to 15 s to recover.
RECOVERY_SECONDS = 30.0


def judge(instance: Instance, name: str, patience: Patience) -> None:
    """Check the need of this name in full: the quick check left it in doubt. Note what saves the
    next monitors from a full check.

    Raises Afflicted if the dependency is down, or if the service should hold a connection to it and
    holds none; Suspect if it has held none for longer than reconnect_grace.
    """
    need = next((need for need in _needs(instance) if need.name == name), None)
    notes = instance.notes
    if need is None:
        notes["needs"] = ""  # the configuration has changed: the next monitor finds them anew
        notes.drop(name + ".")
        return
    if need.ports:
        link = sockets.connection(running.members_of(instance).pids, need.ports)
        notes[name + ".link"] = link
        if link is not None:
            notes.drop(name + ".lost")
            return
    finding = full_check.check([need], patience.left, in_doubt=need.is_held)[0]
    if finding.trouble:
        notes.drop(name + ".")
        raise Afflicted(f"{need} {finding.trouble} (degraded)", name)
    if need.is_held:
        _miss(notes, need, instance.parameters["reconnect_grace"])
    notes[name + ".ask"] = _question(need, finding)
    notes.stamp(name + ".good")


def explain(
    instance: Instance,
    fault: Outcome,
    patience: Patience,
    trouble: str = "",
    longest: float = full_check.SECONDS,
) -> bool:
    """Find what explains `fault`: the API hangs, answers with a server error or does not listen.

    trouble: name of the note that records the last outage. longest: seconds within which a living
    dependency answers. If it returns, the fault seems to be the service's own; the value says
    whether the service depends on anything at all.

    Raises Afflicted if something on which the service depends explains the fault; Degraded if that
    has come back within RECOVERY_SECONDS; Failed, with the better reason, if a process is frozen.
    """
    frozen = [process for process in running.members_of(instance).all if process.is_frozen]
    if frozen:
        raise Failed(f"PID {frozen[0].pid} is frozen (stopped by a signal): {fault}")
    known, notes = _needs(instance), instance.notes
    account = token.account(instance.parameters, instance.service.needs_project)
    held = token.kept(instance.folder, account) if account else None
    _accuse(known, f"{fault} (degraded)", min(longest, patience.left), held)
    # the dependency was down at the poll before, and may have come back at any time since
    since_poll = instance.environment.milliseconds("interval") / 1000
    age = notes.since(f"{trouble}.seen")
    if age is not None and age < RECOVERY_SECONDS + since_poll:
        raise Degraded(f"{fault}; {notes[trouble]} was away until {age:.0f} s ago (degraded)")
    return bool(known)


def trace(instance: Instance, outcome: Afflicted, patience: Patience) -> None:
    """Identity does not do its work (`outcome`), perhaps because a database is down that this
    service needs, too. Raises Afflicted if such a more basic dependency is down: that is the better
    reason."""
    others = [need for need in _needs(instance) if need.name != outcome.dependency]
    _accuse(others, str(outcome), min(full_check.SECONDS, patience.left))


def _accuse(
    suspects: list[Need], fault: str, seconds: float, held: token.Token | None = None
) -> None:
    """Raises Afflicted if one of the suspects is down: that explains the fault. seconds: for the
    check. held: a token that Identity should know."""
    findings = full_check.check(suspects, seconds, held, in_doubt=True, longest=seconds)
    for need, finding in zip(suspects, findings):
        if finding.trouble:
            raise Afflicted(f"{need} {finding.trouble}; {fault}", need.name)


def _miss(notes: Notes, need: Need, grace: int) -> None:
    """The broker answers, and no process of ours is connected to it: raises Afflicted for `grace`
    seconds, then Suspect."""
    missed = notes.begin(need.name + ".lost")
    place = str(need).partition(" ")[2]
    fact = f"no AMQP connection to {place} for {missed:.0f} s"
    if missed > grace:
        raise Suspect(fact, is_late=True)
    raise Afflicted(f"{fact}; it has {grace} s to reconnect (degraded)", need.name)


def _question(need: Need, finding: full_check.Finding) -> str:
    """How the next monitors ask the place that answered, without a name server: its URL and host
    name. "" for a database, which needs a log-in."""
    if finding.answered is None or isinstance(need.asked, Database):
        return ""
    address, port = finding.answered
    if isinstance(need.asked, Endpoint):
        at = need.asked
        return f"{Endpoint(at.scheme, address, port, path=at.path).url} {at.name}"
    return f"{Endpoint('http', address, port).url} {address}"


def _needs(instance: Instance) -> list[Need]:
    try:
        return needs.of(instance.service, instance.parameters)
    except Outcome:
        return []  # its configuration is gone: nothing else can be blamed
