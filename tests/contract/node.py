"""Nodes in their own mount namespace: one without the software, one with the agents installed.

The host's own folders are never written.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests import pace
from tests.calling import PATH, ROOT, Result, unshare

OCF_ROOT = Path("/usr/lib/ocf")
# Python itself needs these folders.
KEPT = ("/", "/usr", "/usr/lib", "/var", "/tmp", "/dev", "/proc", "/sys")


class BareNode:
    """Runs commands on a node without daemons, configuration, services' users and Python packages.
    They see only their own processes.

    scratch: holds the folders that are mounted over the host's. hidden: folders that appear empty.
    words: put before a command to run it there. read_only: a folder that cannot be written.
    """

    def __init__(self, scratch: Path, hidden: Iterable[str] = ()) -> None:
        self.folder = scratch / "bare"
        self.folder.mkdir()
        empty = self._folder("empty")
        programs = self._folder("bin")
        shutil.copy2(os.path.realpath("/usr/bin/python3"), programs / "python3")
        configuration = self._folder("etc")
        (configuration / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        self.read_only = self._folder("read-only")
        self.run_folder = self._folder("run")
        over = {
            "/usr/local/bin": empty,
            "/usr/local/sbin": empty,
            "/usr/lib/python3/dist-packages": empty,
            "/run": self.run_folder,
            "/etc": configuration,
            "/usr/sbin": empty,
            "/usr/bin": programs,  # last, because it hides mount
        }
        # outer folders first: each hides the folders inside it
        for folder in sorted(set(hidden) - {*KEPT, *over}):
            if not any(folder.startswith(f"{outer}/") for outer in over):
                over = {folder: empty, **over}
        self.mounts = [f"mount -t tmpfs -o ro none '{self.read_only}'"]
        self.mounts += [
            f"mount --bind '{what}' '{where}'"
            for where, what in over.items()
            if os.path.isdir(where)
        ]

    def _folder(self, name: str) -> Path:
        made = self.folder / name
        made.mkdir()
        return made

    @property
    def words(self) -> tuple[str, ...]:
        alone = ("--pid", "--fork", "--mount-proc", "--kill-child")
        return (*unshare(), *alone, *_after(self.mounts))

    def __call__(
        self, words: Sequence[object], environment: Mapping[str, str], seconds: float = 30
    ) -> Result:
        return run([*self.words, *map(str, words)], environment, seconds)


class Installed:
    """Runs commands on a node where the agents are installed under /usr/lib/ocf.

    words: put before a command to run it there. texts: output by agent; if given, scripts that only
    print it replace the agents.
    """

    def __init__(self, folder: Path, texts: Mapping[str, str] | None = None) -> None:
        self.root = folder / "ocf"
        provider = self.root / "resource.d/openstack"
        ignore = shutil.ignore_patterns("__pycache__")
        if texts is None:
            shutil.copytree(ROOT / "agents", provider, symlinks=True, ignore=ignore)
        else:
            provider.mkdir(parents=True)
            for name, text in texts.items():
                (provider / name).write_text(f"#!/bin/sh\ncat <<'END-OF-TEXT'\n{text}END-OF-TEXT\n")
                (provider / name).chmod(0o755)
        # with byte-compiled modules, as after `make install`
        shutil.copytree(ROOT / "ocf_lib", self.root / "lib/openstack/ocf_lib")
        # the host's other agents and libraries stay visible
        mounts = []
        for kind in ("resource.d", "lib"):
            for other in sorted((OCF_ROOT / kind).iterdir()):
                if other.is_dir() and other.name != "openstack":
                    (self.root / kind / other.name).mkdir()
                    mounts.append(f"mount --bind {other} {self.root / kind / other.name}")
        mounts.append(f"mount --rbind {self.root} {OCF_ROOT}")
        self.words = (*unshare(), *_after(mounts))

    def __call__(self, *words: str, extra: Mapping[str, str] | None = None) -> Result:
        environment = {"PATH": PATH, "LANG": "C.UTF-8", **(extra or {})}
        return run([*self.words, *words], environment, 60)


def run(
    words: Sequence[str],
    environment: Mapping[str, str],
    seconds: float = 60,
    user: str | None = None,
) -> Result:
    """Run a command as `user` (see as_user); it may take `seconds` on a quiet machine."""
    done = pace.run(words, timeout=seconds, env=dict(environment), **as_user(user), text=True)
    return Result(done.returncode, done.stdout, done.stderr, 0.0)


def as_user(user: str | None) -> dict[str, Any]:
    """Options of subprocess that run a command as `user`, with group nogroup alone, in /."""
    if user is None:
        return {}
    return {"user": user, "group": "nogroup", "extra_groups": [], "cwd": "/"}


def _after(mounts: Sequence[str]) -> tuple[str, ...]:
    """Words of a shell that mounts and then executes the words that follow."""
    return ("sh", "-c", f'{" && ".join(mounts)} && exec "$@"', "sh")
