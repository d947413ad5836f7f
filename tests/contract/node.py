"""Nodes in a mount namespace of their own: one without the software, one with the agents installed.

Nothing is ever written to the host's own folders.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.calling import PATH, ROOT, Result, unshare

OCF_ROOT = Path("/usr/lib/ocf")
# What Python itself needs.
KEPT = ("/", "/usr", "/usr/lib", "/var", "/tmp", "/dev", "/proc", "/sys")


class BareNode:
    """Runs commands where no daemon, no configuration, no service's user and no Python package is,
    and no process but their own can be seen.

    scratch: for what is laid over the host's folders. hidden: folders that are to be empty.
    words: what to put before a command to run it there. read_only: a folder in which nobody can
    write.
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
            "/usr/bin": programs,  # the last: mount is in it
        }
        # outer folders first: what lies in one of them is hidden with it
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
    """Runs commands where the agents lie under /usr/lib/ocf, as an installation puts them there.

    words: what to put before a command to run it there. texts: by agent what it prints, for
    scripts that do no more than that to take the agents' place.
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
        # byte-compiled, as `make install` leaves it
        shutil.copytree(ROOT / "ocf_lib", self.root / "lib/openstack/ocf_lib")
        # what else is installed shines through
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
    """Run a command. user: see as_user."""
    done = subprocess.run(
        words,
        env=dict(environment),
        **as_user(user),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr, 0.0)


def as_user(user: str | None) -> dict[str, Any]:
    """Options of subprocess: as whom, in no group but nogroup and at /."""
    if user is None:
        return {}
    return {"user": user, "group": "nogroup", "extra_groups": [], "cwd": "/"}


def _after(mounts: Sequence[str]) -> tuple[str, ...]:
    """A shell that mounts and then is the words that follow."""
    return ("sh", "-c", f'{" && ".join(mounts)} && exec "$@"', "sh")
