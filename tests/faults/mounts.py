"""A mount namespace for the calls of one instance, with file systems that nobody else sees."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.calling import unshare
from tests.faults.rig import Rig


class Mounts:
    """A mount namespace in which the agent is called. inside: words that run a command there."""

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

    def status(self, *words: object) -> int:
        """Run a command there, and return its exit status."""
        words = [*self.inside, *map(str, words)]
        return subprocess.run(words, capture_output=True, check=False).returncode

    def tmpfs(self, folder: object, options: str = "mode=755") -> None:
        """Mount an empty file system over the folder."""
        self.run("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder)

    def path(self, inner: object) -> Path:
        """The path outside the namespace of the file at `inner` inside it."""
        return Path(f"/proc/{self.keeper.pid}/root{inner}")

    def end(self) -> None:
        self.keeper.kill()
        self.keeper.communicate()
