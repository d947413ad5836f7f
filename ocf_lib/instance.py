"""The resource instance that an action is about: its declaration, its parameters, its state
files."""

from __future__ import annotations

from ocf_lib.declare.parameters import Parameters
from ocf_lib.state import statefile
from ocf_lib.state.notes import Notes
from ocf_lib.state.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.declare.service import Service
    from ocf_lib.environment import Environment

STRICT_ACTIONS = ("start", "validate-all", "reload", "reload-agent")
PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:"


class Instance:
    """One resource on this node.

    service: the agent's declaration. environment: this call. parameters: their values.
    name: AGENT/INSTANCE, unique on this node.
    """

    def __init__(self, service: Service, environment: Environment) -> None:
        self.service, self.environment = service, environment
        self.parameters = Parameters(
            service.parameters, environment.environ, environment.action in STRICT_ACTIONS
        )
        self.name = f"{service.name}/{environment.instance}"
        self._notes: Notes | None = None

    @property
    def folder(self) -> str:
        """Our own folder below HA_RSCTMP, for state that ends with the node's uptime."""
        return self.environment.rsctmp + "/openstack"

    def file(self, kind: str) -> str:
        """A file of this instance alone. kind: record, token, notes, reload, lock or log."""
        instance = self.environment.instance
        if not all(sign in PLAIN for sign in instance):
            instance = "".join(s if s in PLAIN else _quoted(s) for s in instance)
        # No quoted instance holds an "@". With "-" in its place, instance wait-1 of nova-compute
        # and instance 1 of nova-compute-wait would share a file.
        return f"{self.folder}/{self.service.name}@{instance}.{kind}"

    @property
    def record(self) -> Record | None:
        """The record that start left, None if there is none that can be trusted."""
        text = statefile.read(self.file("record"))
        return None if text is None else Record.parse(text)

    @property
    def notes(self) -> Notes:
        """What earlier monitors noted. Changes are written at the end of the action."""
        if self._notes is None:
            self._notes = Notes(self.file("notes"))
        return self._notes

    @property
    def said(self) -> str:
        """Name of the note with the last bad verdict of this monitor's level."""
        level = self.environment.check_level
        return f"said.{'' if level is None else level}"

    def keep_notes(self) -> None:
        """Write what this action noted."""
        if self._notes is not None:
            self._notes.keep()

    @property
    def pid_file(self) -> str:
        """Where other programs find the daemon's PID. We write this file and never trust it."""
        given: str | None = self.parameters["pid"]
        return (
            given or f"{self.environment.rsctmp}/{self.environment.instance.replace('/', '_')}.pid"
        )


def _quoted(sign: str) -> str:
    return "".join(f"%{byte:02x}" for byte in sign.encode("utf-8", "surrogateescape"))
