"""A bed that outlives the process that made it. A file in /run tells how to find it again."""

from __future__ import annotations

import json
import os
from pathlib import Path

from .bed import Bed, BedError
from .node import ENVIRONMENT

# The commands for a kept bed.
ORDERS = ("check", "shell", "stop")


class Kept:
    """Keeps one bed of its kind, finds it again, and ends it.

    name: the kind, as in "a demo is already running". start, stop: the operator's commands.
    """

    def __init__(self, name: str, start: str, stop: str) -> None:
        self.name, self.start, self.stop = name, start, stop
        self.path = Path(f"/run/ocf-openstack-{name}.json")

    def find(self) -> Bed | None:
        """The kept bed, None if there is none or it has ended."""
        try:
            return Bed.find(int(json.loads(self.path.read_text())["supervisor"]))
        except (FileNotFoundError, BedError):
            return None

    def check(self) -> None:
        """Raise BedError if this user cannot make a bed, or one is already running."""
        self.check_user()
        if self.find():
            raise BedError(f"a {self.name} is already running: end it with {self.stop}")

    def check_user(self) -> None:
        if os.geteuid():
            raise BedError(f"the {self.name} is made of namespaces, so it needs root")

    def keep(self, bed: Bed) -> None:
        """Keep the bed running when this process ends."""
        bed.keep()
        self.path.touch(mode=0o600)
        self.path.write_text(json.dumps({"supervisor": bed.pid}))

    def open_shell(self, where: str) -> None:
        """Become a shell on the node with this number or name, or on the client's side ("client").

        Raises BedError if there is no such node, or no kept bed.
        """
        self.check_user()
        bed = self.find()
        if not bed:
            raise BedError(f"no {self.name} is running: start one with {self.start}")
        words = bed.enter_client() if where == "client" else bed.node(where).enter()
        name = where if where == "client" else bed.node(where).name
        shell = [*words, "bash", "--norc"]
        os.execve(shell[0], shell, {**ENVIRONMENT, "PS1": f"{name}# "})

    def end(self) -> None:
        """End the kept bed, and print the result."""
        self.check_user()
        bed = self.find()
        if bed:
            bed.stop()
        self.path.unlink(missing_ok=True)
        print(f"the {self.name} has ended" if bed else f"no {self.name} is running")

    def obey(self, what: str, node: str) -> None:
        """Carry out one of ORDERS: check, shell (on `node`) or stop. Raises BedError as they do."""
        if what == "check":
            self.check()
        elif what == "shell":
            self.open_shell(node)
        else:
            self.end()
