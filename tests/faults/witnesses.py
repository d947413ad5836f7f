"""Processes that no action on an instance may affect: another instance of the agent, another
service of the same user, and a process each of root, of another user, and of the service's user."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psutil

from tests.faults.aftermath import is_served
from tests.faults.rig import STRANGER, Rig, service_user


class Witnesses:
    """Starts these processes and checks them. twin: the other instance. cousin: the other service.
    root: root's process."""

    def __init__(self, folder: Path) -> None:
        self.twin = Rig(folder / "twin")
        self.cousin = Rig(folder / "cousin", user=self.twin.user, agent="nova-api")
        self.sleepers = [
            subprocess.Popen(["sleep", "14400"], user=user, cwd="/", start_new_session=True)
            for user in ("root", STRANGER, service_user())
        ]
        self.root = self.sleepers[0]
        self.seen: dict[str, list[psutil.Process]] = {}

    def begin(self) -> None:
        for rig in (self.twin, self.cousin):
            rig.start()
        self.seen = self._living()

    def _living(self) -> dict[str, list[psutil.Process]]:
        # psutil compares PID and start time
        return {rig.caller.agent: rig.processes() for rig in (self.twin, self.cousin)}

    def check(self) -> None:
        """Assert that all still live and that both services accept connections."""
        for child in self.sleepers:
            assert child.poll() is None, f"{child.args}, nothing to any service, was ended"
        assert self._living() == self.seen
        assert is_served(self.twin)
        assert is_served(self.cousin)

    def end(self) -> None:
        for rig in (self.twin, self.cousin):
            rig.end()
        for child in self.sleepers:
            child.kill()
            child.wait()
