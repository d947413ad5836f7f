"""A bed that stands when its maker has ended: found again by a file in /run."""

from __future__ import annotations

import json
import os
from pathlib import Path

from .bed import Bed, BedError
from .node import ENVIRONMENT

# What may be said of one, beside having it made.
ORDERS = ("check", "shell", "stop")


class Kept:
    """name: what it is, as in "a demo is standing already"; start, stop: the commands for that."""

    def __init__(self, name: str, start: str, stop: str) -> None:
        self.name, self.start, self.stop = name, start, stop
        self.path = Path(f"/run/ocf-openstack-{name}.json")

    def find(self) -> Bed | None:
        """The one that was kept, if it still stands."""
        try:
            return Bed.find(int(json.loads(self.path.read_text())["supervisor"]))
        except (FileNotFoundError, BedError):
            return None

    def check(self) -> None:
        """Raise BedError if there can be none, or one stands."""
        self.check_user()
        if self.find():
            raise BedError(f"a {self.name} is standing already: end it with {self.stop}")

    def check_user(self) -> None:
        if os.geteuid():
            raise BedError(f"the {self.name} is made of namespaces, which needs root")

    def keep(self, bed: Bed) -> None:
        """Let the bed stand."""
        bed.keep()
        self.path.touch(mode=0o600)
        self.path.write_text(json.dumps({"supervisor": bed.pid}))

    def open_shell(self, where: str) -> None:
        """Become a shell on the node of this number or name, or on the client's side of the network
        ("client"). Raises BedError if there is none."""
        self.check_user()
        bed = self.find()
        if not bed:
            raise BedError(f"no {self.name} is standing: start one with {self.start}")
        words = bed.enter_client() if where == "client" else bed.node(where).enter()
        name = where if where == "client" else bed.node(where).name
        shell = [*words, "bash", "--norc"]
        os.execve(shell[0], shell, {**ENVIRONMENT, "PS1": f"{name}# "})

    def end(self) -> None:
        """End it, and say so."""
        self.check_user()
        bed = self.find()
        if bed:
            bed.stop()
        self.path.unlink(missing_ok=True)
        print(f"the {self.name} has ended" if bed else f"no {self.name} is standing")

    def obey(self, what: str, node: str) -> None:
        """Do what is said of one that stands, or does not: check, shell (on that node) or stop.
        Raises BedError, as each does."""
        if what == "check":
            self.check()
        elif what == "shell":
            self.open_shell(node)
        else:
            self.end()
