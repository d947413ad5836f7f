"""Whose fault is it? Asked when something looks wrong: the service's own, which a restart may mend,
or that of something it depends on, which none does (cold module)."""

from __future__ import annotations

from time import monotonic

from ocf_lib.dependencies import full_check, needs
from ocf_lib.dependencies.database import Database
from ocf_lib.keystone import token
from ocf_lib.launch import running
from ocf_lib.net import sockets
from ocf_lib.net.endpoint import Endpoint
from ocf_lib.outcomes import Afflicted, Degraded, Failed, Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.dependencies.needs import Need
    from ocf_lib.instance import Instance

# What a look at everything takes at most; whoever asks keeps it.
SECONDS = 4.0
# So long a service may answer errors after what it depends on has come back: the real ones take 5
# to 15 s.
RECOVERY_SECONDS = 30.0


def judge(instance: Instance, name: str) -> None:
    """The need of this name is not connected, or was not looked at for a while: look closely, and
    note what will save the next monitor the same.

    Raises Afflicted where it is away. Raises Failed where it is there, and the service should hold
    a connection to it and has held none for longer than reconnect_grace.
    """
    need = next((need for need in _of(instance) if need.name == name), None)
    notes = instance.notes
    if need is None:
        notes["needs"] = ""  # the configuration has changed: found anew at the next monitor
        notes.drop(name + ".")
        return
    if need.ports:
        link = sockets.connection(running.members_of(instance).pids, need.ports)
        notes[name + ".link"] = link
        if link is not None:
            notes.drop(name + ".lost")
            return
    finding = full_check.at([need], _seconds(instance), in_doubt=need.is_held)[0]
    if finding.trouble:
        notes.drop(name + ".")
        raise Afflicted(f"{need} {finding.trouble} (degraded)", name)
    if need.is_held:
        _miss(instance, need)
    notes[name + ".ask"] = _question(need, finding)
    notes.stamp(name + ".good")


def find(instance: Instance, fault: Outcome, trouble: str = "") -> bool:
    """The API hangs or answers a server error, or there is none yet.

    trouble: the note that says of what was away before. Raises Afflicted where something that the
    service depends on explains it; Degraded where that has come back within RECOVERY_SECONDS;
    Failed, with what is better known, where a process is frozen. Returns where the fault seems to
    be the service's own, with whether it depends on anything at all.
    """
    frozen = [process for process in running.members_of(instance).all if process.is_frozen]
    if frozen:
        raise Failed(f"PID {frozen[0].pid} is frozen (stopped by a signal): {fault}")
    known = _of(instance)
    account = token.account(instance) if instance.service.api is not None else None
    held = token.kept(instance, account) if account else None
    _accuse(instance, known, f"{fault} (degraded)", held)
    # it was seen away at the poll before, and came back at any time since
    since_poll = instance.environment.milliseconds("interval") / 1000
    age = instance.notes.since(f"{trouble}.seen")
    if age is not None and age < RECOVERY_SECONDS + since_poll:
        away = instance.notes[trouble]
        raise Degraded(f"{fault}; {away} was away until {age:.0f} s ago (degraded)")
    return bool(known)


def trace(instance: Instance, outcome: Afflicted) -> None:
    """Identity does not do its work, perhaps for want of the very database that the service has,
    too. Raises Afflicted where something nearer to the ground is away: it is the better news."""
    others = [need for need in _of(instance) if need.name != outcome.dependency]
    _accuse(instance, others, str(outcome))


def _accuse(
    instance: Instance, suspects: list[Need], fault: str, held: token.Token | None = None
) -> None:
    """Raises Afflicted where one of these is away: it explains the fault. held: a token that
    Identity should know."""
    for need, finding in zip(
        suspects, full_check.at(suspects, _seconds(instance), held, in_doubt=True)
    ):
        if finding.trouble:
            raise Afflicted(f"{need} {finding.trouble}; {fault}", need.name)


def _miss(instance: Instance, need: Need) -> None:
    """The broker is there, and no process of ours is connected to it."""
    grace: int = instance.parameters["reconnect_grace"]
    missed = instance.notes.begin(need.name + ".lost")
    place = str(need).partition(" ")[2]
    fact = f"no AMQP connection to {place} for {missed:.0f} s"
    if missed > grace:
        raise Failed(fact)
    raise Afflicted(f"{fact}; it has {grace} s to reconnect (degraded)", need.name)


def _question(need: Need, finding: full_check.Finding) -> str:
    """How the next monitors ask the place that was well, without a name server: URL and host name.
    "" for a database, which wants a log-in."""
    if finding.answered is None or isinstance(need.asked, Database):
        return ""
    address, port = finding.answered
    if isinstance(need.asked, Endpoint):
        at = need.asked
        return f"{Endpoint(at.scheme, address, port, path=at.path).url} {at.name}"
    return f"{Endpoint('http', address, port).url} {address}"


def _of(instance: Instance) -> list[Need]:
    try:
        return needs.of(instance)
    except Outcome:
        return []  # its configuration is gone: nobody else can be blamed


def _seconds(instance: Instance) -> float:
    return instance.environment.deadline - monotonic()
