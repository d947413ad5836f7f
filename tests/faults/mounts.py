"""File systems that only the calls of one instance see: a mount namespace of theirs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.calling import unshare
from tests.faults.rig import Rig


class Mounts:
    """inside: words that run a command there."""

    def __init__(self, rig: Rig) -> None:
        self.keeper = subprocess.Popen(
            [*unshare(), "sh", "-c", "echo made && exec sleep 600"], stdout=subprocess.PIPE
        )
        assert self.keeper.stdout is not None
        assert self.keeper.stdout.readline() == b"made\n"
        self.inside = ("nsenter", f"--target={self.keeper.pid}", "--mount", "--")
        rig.caller.prefix = self.inside

    def run(self, *words: object) -> None:
        subprocess.run([*self.inside, *map(str, words)], check=True)

    def tmpfs(self, folder: object, options: str = "mode=755") -> None:
        """An empty file system over the folder."""
        self.run("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder)

    def path(self, inner: object) -> Path:
        """What lies at `inner` in there, as it is seen from here."""
        return Path(f"/proc/{self.keeper.pid}/root{inner}")

    def end(self) -> None:
        self.keeper.kill()
        self.keeper.communicate()
