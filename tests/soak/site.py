"""The node: instances of several agents over stand-in daemons, all with one state folder, as on a
real one; what they depend on; and those who live beside them."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.calling import ROOT
from tests.faults.bystanders import Bystanders
from tests.faults.neighbours import Neighbours
from tests.faults.rig import Rig

# Seconds: for one request, so that an API that hangs does not take long; before a consumer is at
# fault.
PATIENCE, GRACE = 2, 4
WELL = "well"
# Settings of the stand-in that are its manners.
MANNERS = (
    *("ignore", "double_fork", "orphans", "sessions", "last_gasp", "title", "listen_after"),
    *("linger", "respawn"),
)
# What a start makes for a project whose package has not.
RUNTIME = [
    Path(parent, project)
    for parent in ("/run", "/run/lock", "/var/cache")
    for project in ("glance", "keystone", "nova")
]


class Member:
    """One instance.

    name: what it is called here; its instance has a name that no other on this host has. rig: its
    agent, and the stand-in. needs: the neighbours that its verdict depends on; what needs the
    broker has no API. usual: the manners of its stand-in.
    mode: how the API answers. parent: its PID. knows_workers: the record has said that there are
    some. is_misled: the record is about another process. unconnected: since when it has been
    without its broker, which is well.
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
        """From its next start on, in these ways beside its usual ones."""
        self.manners = manners
        line = f"{self.rig.binary} --config-file={self.rig.config}"
        for name in MANNERS:
            self.rig.settings.pop(name, None)
        given = {**self.usual, **settings}
        if "double_fork" in given:
            # its workers are children of PID 1, and it would replace them for ever
            given.pop("respawn", None)
        self.rig.set(**{name: value.format(line=line) for name, value in given.items()})


class Site:
    """All of it, in `folder`. root: where agents/ and ocf_lib/ are."""

    def __init__(self, folder: Path, root: Path = ROOT) -> None:
        self.folder, self.root = folder, root
        self.before = {path for path in RUNTIME if path.exists()}
        self.near = Neighbours()
        # of the neighbours: well, go (nobody listens) or freeze
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
        """What was done to a bystander, "" for nothing."""
        return "; ".join(filter(None, (each.harm for each in self.bystanders)))

    def end(self) -> None:
        """Nothing of it is left, but what is in the folder."""
        for member in self.members.values():
            member.rig.end()
        for each in self.bystanders:
            each.end()
        self.near.end()
        for path in RUNTIME:
            if path not in self.before:
                with contextlib.suppress(OSError):
                    path.rmdir()
