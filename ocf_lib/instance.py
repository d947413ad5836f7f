"""The resource instance that an action is about: what was declared, what the caller set, where its
state lies (hot module)."""

from __future__ import annotations

from time import monotonic

from ocf_lib.declare.parameters import Parameters
from ocf_lib.state.notes import Notes
from ocf_lib.state.record import Record, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.declare.service import Service
    from ocf_lib.environment import Environment

# In the environment of every process of an instance; it holds the names below and no secret.
MARKER = "OPENSTACK_OCF_INSTANCE"
# Seconds: a request where the agent has no parameter for it; a look at all that a service needs.
USUAL_REQUEST, RESERVE = 10, 4.0
STRICT_ACTIONS = ("start", "validate-all", "reload", "reload-agent")
PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:"


class Instance:
    """One resource on this node.

    service: the agent's declaration. environment: this call. parameters: their values.
    name: service/instance, unlike any other on this node.
    """

    def __init__(self, service: Service, environment: Environment) -> None:
        self.service, self.environment = service, environment
        self.parameters = Parameters(
            service.parameters, environment.environ, environment.action in STRICT_ACTIONS
        )
        self.name = f"{service.name}/{environment.instance}"
        # how long a request may take where that is less than api_timeout, in seconds
        self.patience = float("inf")
        self._notes: Notes | None = None

    @property
    def folder(self) -> str:
        """Where state lies that dies with the node: below HA_RSCTMP, ours alone."""
        return self.environment.rsctmp + "/openstack"

    def file(self, kind: str) -> str:
        """A file of this instance and no other: `kind` is record, token, notes or lock."""
        instance = self.environment.instance
        if not all(sign in PLAIN for sign in instance):
            instance = "".join(s if s in PLAIN else _quoted(s) for s in instance)
        # "@" is in no quoted instance: nova-compute's wait-1 is not nova-compute-wait's 1
        return f"{self.folder}/{self.service.name}@{instance}.{kind}"

    @property
    def request_seconds(self) -> float:
        """How long one request to the API may take: api_timeout, within the action's own, of which
        some is kept for a look at whose fault it is that nothing answers."""
        left = self.environment.deadline - monotonic()
        longest: int = self.parameters.get("api_timeout") or USUAL_REQUEST
        return max(0.0, min(longest, self.patience, max(left - RESERVE, left / 2)))

    @property
    def location(self) -> str:
        """What the parameters say of where the API is, "" for nothing."""
        of, api = self.parameters, self.service.api
        if api is None:
            return ""
        return of["url"] or (str(of[api.port]) if isinstance(api.port, str) else "")

    @property
    def known_as(self) -> str | None:
        """The URL that clients know the API by, as far as the parameters tell."""
        of, api = self.parameters, self.service.api
        if api is None:
            return None
        known: str | None = of["url"] or api.site
        return known or (of["os_auth_url"] if api.issues_tokens else None)

    @property
    def record(self) -> Record | None:
        """What start left, or None where nothing trustworthy is there."""
        text = read(self.file("record"))
        return None if text is None else Record.parse(text)

    @property
    def notes(self) -> Notes:
        """What earlier monitors noted; what this call changes is written at its end."""
        if self._notes is None:
            self._notes = Notes(self.file("notes"))
        return self._notes

    @property
    def said(self) -> str:
        """Under which name it is noted what the monitor of this level said last, where it was not
        well."""
        level = self.environment.check_level
        return f"said.{'' if level is None else level}"

    def keep_notes(self) -> None:
        """Write what this call noted."""
        if self._notes is not None:
            self._notes.keep()

    @property
    def pid_file(self) -> str:
        """Where others look for the PID of the daemon. Written for them; never read by us."""
        given: str | None = self.parameters["pid"]
        return (
            given or f"{self.environment.rsctmp}/{self.environment.instance.replace('/', '_')}.pid"
        )


def _quoted(sign: str) -> str:
    return "".join(f"%{byte:02x}" for byte in sign.encode("utf-8", "surrogateescape"))
