"""The node: instances of several agents with stand-in daemons, the broker and the database that
they need, and bystanders. As on a real node, all instances share one state folder."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.calling import ROOT
from tests.faults.bystanders import Bystanders
from tests.faults.neighbours import Neighbours
from tests.faults.rig import Rig

# Seconds. PATIENCE: for one request; short, because an API that hangs takes all of it. GRACE: how
# long a consumer may be unconnected before it is at fault.
PATIENCE, GRACE = 2, 4
WELL = "well"
# The settings of the stand-in that make up its manners.
MANNERS = (
    *("ignore", "double_fork", "orphans", "sessions", "last_gasp", "title", "listen_after"),
    *("linger", "respawn"),
)
# Folders that a start makes if the project's package has not.
RUNTIME = [
    Path(parent, project)
    for parent in ("/run", "/run/lock", "/var/cache")
    for project in ("glance", "keystone", "nova")
]


class Member:
    """One instance.

    name: its name in the soak; the name of its resource instance is unique on this host. rig: its
    agent and its stand-in. needs: the neighbours on which its verdict depends; an instance that
    needs the broker has no API. usual: the manners that its stand-in always has.
    mode: how the API answers. parent: PID of the daemon's parent process. knows_workers: the record
    has said that there are workers. is_misled: the record is about another process. unconnected:
    since when it has had no connection to its healthy broker, None if that does not apply.
    """

    def __init__(self, name: str, rig: Rig, needs: tuple[str, ...], **usual: str) -> None:
        self.name, self.rig, self.needs, self.usual = name, rig, needs, usual
        self.has_api = "broker" not in needs
        self.mode, self.manners = "ok", "plain"
        self.knows_workers = self.is_misled = False
        self.parent: int | None = None
        self.unconnected: float | None = None
        self.behave("plain", {})

    @property
    def marker(self) -> str:
        return f"{self.rig.caller.agent}/{self.rig.caller.instance}"

    def behave(self, manners: str, settings: dict[str, str]) -> None:
        """From the next start on, use these settings besides the usual ones."""
        self.manners = manners
        line = f"{self.rig.binary} --config-file={self.rig.config}"
        for name in MANNERS:
            self.rig.settings.pop(name, None)
        given = {**self.usual, **settings}
        if "double_fork" in given:
            # its workers become children of PID 1, so it would replace them for ever
            given.pop("respawn", None)
        self.rig.set(**{name: value.format(line=line) for name, value in given.items()})


class Site:
    """The whole node, in `folder`. root: where agents/ and ocf_lib/ are."""

    def __init__(self, folder: Path, root: Path = ROOT) -> None:
        self.folder, self.root = folder, root
        self.before = {path for path in RUNTIME if path.exists()}
        self.near = Neighbours()
        # each neighbour's state: well, go (nobody listens) or freeze
        self.states = {"broker": WELL, "database": WELL}
        self.members: dict[str, Member] = {}
        self.bystanders: list[Bystanders] = []
        images = self._rig("glance-api", "images")
        images.configure("database", connection=self.near.connection)
        self._add(Member("images", images, ("database",), orphans="yes"))
        identity = self._rig("keystone", "identity").give_credentials()
        self._add(Member("identity", identity, (), respawn="yes"))
        self._add(Member("other", self._rig("keystone", "other"), ()))
        scheduler = self._rig("nova-scheduler", "scheduler")
        scheduler.configure(transport_url=self.near.transport_url)
        scheduler.configure("database", connection=self.near.connection)
        scheduler.set(listen="never", connect=self.near.broker.port)
        self._add(Member("scheduler", scheduler, ("broker", "database"), orphans="yes"))

    def _rig(self, agent: str, name: str) -> Rig:
        rig = Rig(self.folder / name, agent=agent)
        rig.caller.agents = self.root / "agents"
        rig.caller.rsctmp = self.folder / "rsctmp"
        rig.parameters.update(api_timeout=str(PATIENCE), reconnect_grace=str(GRACE))
        return rig

    def _add(self, member: Member) -> None:
        self.members[member.name] = member
        words = (str(member.rig.binary), f"--config-file={member.rig.config}")
        self.bystanders.append(Bystanders(member.rig.folder, member.marker, words))

    @property
    def harm(self) -> str:
        """What was done to a bystander; empty if nothing was."""
        return "; ".join(filter(None, (each.harm for each in self.bystanders)))

    def end(self) -> None:
        """End all processes. Only the files in `folder` stay."""
        for member in self.members.values():
            member.rig.end()
        for each in self.bystanders:
            each.end()
        self.near.end()
        for path in RUNTIME:
            if path not in self.before:
                with contextlib.suppress(OSError):
                    path.rmdir()
