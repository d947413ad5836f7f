"""One log-in, and what its failure means.

An Identity that is down is Afflicted, refused credentials are Degraded. If Identity is itself the
service that is checked, its errors are Suspect.
"""

from __future__ import annotations

from ocf_lib.keystone import credentials
from ocf_lib.keystone.backoff import AT_START, LONGEST, Backoff
from ocf_lib.net import failures
from ocf_lib.net.endpoint import Endpoint
from ocf_lib.outcomes import (
    Afflicted,
    Degraded,
    InvalidHere,
    Misconfigured,
    NotInstalled,
    Suspect,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.instance import Instance
    from ocf_lib.keystone.credentials import Credentials
    from ocf_lib.net.http import Idle
    from ocf_lib.net.patience import Patience

# Seconds for a log-in if another service is checked: an Identity that answers does so within 3 s,
# even for the first log-in after its start (measured).
IDENTITY_SECONDS = 5.0
WARNED = "warned"


class Attempt:
    """One log-in with the credentials `found`. pause: notes a refusal. evidence: what is known
    about the service that is checked. at: the address of Identity. seconds: for all of it. idle:
    what is called while it waits."""

    def __init__(
        self, found: Credentials, pause: Backoff, seconds: float, idle: Idle | None, evidence: str
    ) -> None:
        self.found, self.pause, self.idle, self.evidence = found, pause, idle, evidence
        self.at = Endpoint.parse(found.auth_url).unversioned()
        self.seconds = min(IDENTITY_SECONDS, seconds)
        self.is_the_service = self.is_in = False

    def go_to(self, endpoint: Endpoint, seconds: float) -> None:
        """Log in at `endpoint`: Identity is itself the service that is checked."""
        name, path = self.at.name, self.at.path
        self.at = Endpoint(endpoint.scheme, endpoint.address, endpoint.port, name, path)
        self.seconds = seconds
        self.is_the_service = True

    @property
    def longest(self) -> float:
        """Seconds after which the request itself ends. Before that, `seconds` and what `idle`
        grants beyond it are over."""
        return 5 + 3 * self.seconds

    @property
    def identity(self) -> str:
        """What is asked, in words."""
        return f"Identity {self.at.url}"

    def succeed(self) -> None:
        """Identity has accepted the credentials."""
        self.is_in = True
        self.pause.forget()

    def degraded(self, text: str, advice: str = "") -> Degraded:
        return Degraded(f"{text}; {self.evidence} (degraded)" + (f": {advice}" if advice else ""))

    def fault(self, text: str) -> Suspect | Afflicted:
        """The outcome if Identity does not do its work."""
        if self.is_the_service:
            return Suspect(text)
        return Afflicted(f"{text}; {self.evidence} (degraded)", dependency="identity")

    def silent(self) -> Suspect | Afflicted:
        """The outcome if Identity does not complete the log-in in time."""
        if self.is_the_service:
            text = f"{self.identity} did not complete a log-in within {self.seconds:.3g} s"
            return Suspect(text, is_late=True)
        return self.fault(f"{self.identity} {failures.silent(self.seconds)}")

    def refused(self) -> Degraded:
        if self.is_in:
            return self.degraded(f"{self.identity} refuses the token that it just issued")
        self.pause.note(f"{self.identity} refused {self.found}", self.found.origin)
        return self.degraded(f"{self.identity} refuses {self.found}", f"check {self.found.origin}")

    def untrusted(self) -> Degraded:
        return self.degraded(
            f"{self.identity} has a certificate that is not accepted for {self.at.name}",
            "check os_cacert and os_auth_url, or set insecure",
        )

    def impossible(self, why: str) -> Degraded:
        """The outcome of an answer to which no retry and no restart helps."""
        return self.degraded(f"{self.identity} cannot be logged in to ({self.concealed(why)})")

    def nonsense(self, why: str) -> Suspect | Afflicted:
        return self.fault(f"{self.identity} answers a log-in with nonsense ({self.concealed(why)})")

    def concealed(self, text: str) -> str:
        """One line of the text, without the secrets of a file. Secret parameters are masked when
        they are printed."""
        from ocf_lib import log

        first = (text.splitlines() or [""])[0]
        return log.conceal(first, self.found.secrets)[:160]


def prepare(instance: Instance, account: str, patience: Patience, evidence: str) -> Attempt:
    """A log-in that is not made yet. Raises Degraded if none may be made yet, or none is
    possible."""
    pause = Backoff(instance.folder, account)
    pause.check(evidence, AT_START if instance.environment.action == "start" else LONGEST)
    try:
        found = credentials.gather(instance.parameters)
    except (InvalidHere, Misconfigured, NotInstalled) as error:
        raise impossible(error, evidence) from None
    _warn(instance, found)
    return Attempt(found, pause, patience.seconds, patience.idle, evidence)


def impossible(error: Exception, evidence: str) -> Degraded:
    """The outcome if something is missing on this host."""
    return Degraded(f"no log-in is possible: {error}; {evidence} (degraded)")


def _warn(instance: Instance, found: Credentials) -> None:
    """Log once that others can read the file with the secret. monitor uses the file all the
    same."""
    said = " ".join(found.exposure.split())
    if said and instance.notes[WARNED] != said:
        from ocf_lib import log

        log.of(instance, found.secrets).warning(said)
    instance.notes[WARNED] = said
