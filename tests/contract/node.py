"""Nodes in a mount namespace of their own: one without the software, one with the agents installed.

Nothing is ever written to the host's own folders.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.calling import ROOT, Result, unshare

OCF_ROOT = Path("/usr/lib/ocf")


class BareNode:
    """Runs commands where no daemon, no configuration, no service's user and no Python package is,
    and no process but their own can be seen.

    scratch: for what is laid over the host's folders. hidden: folders that are to be empty.
    """

    def __init__(self, scratch: Path, hidden: Iterable[str] = ()) -> None:
        self.folder = scratch / "bare"
        self.folder.mkdir()
        empty = self._folder("empty")
        programs = self._folder("bin")
        shutil.copy2(os.path.realpath("/usr/bin/python3"), programs / "python3")
        accounts = self.folder / "passwd"
        accounts.write_text("root:x:0:0:root:/root:/bin/sh\n")
        over = {
            **dict.fromkeys(hidden, empty),
            "/usr/local/bin": empty,
            "/usr/local/sbin": empty,
            "/usr/lib/python3/dist-packages": empty,
            "/run": self._folder("run"),
            "/etc/passwd": accounts,
            "/usr/sbin": empty,
            "/usr/bin": programs,  # the last: mount is in it
        }
        self.mounts = [
            f"mount --bind {what} {where}" for where, what in over.items() if os.path.exists(where)
        ]
        self.run_folder = self.folder / "run"

    def _folder(self, name: str) -> Path:
        made = self.folder / name
        made.mkdir()
        return made

    def __call__(
        self, words: Sequence[object], environment: Mapping[str, str], seconds: float = 30
    ) -> Result:
        mounts = " && ".join(self.mounts)
        done = subprocess.run(
            [
                *unshare(),
                *("--pid", "--fork", "--mount-proc", "--kill-child"),
                *("sh", "-c", f'{mounts} && exec "$@"', "sh"),
                *map(str, words),
            ],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr, 0.0)


class Installed:
    """Runs commands where the agents lie under /usr/lib/ocf, as an installation puts them there."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "ocf"
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(
            ROOT / "agents", self.root / "resource.d/openstack", symlinks=True, ignore=ignore
        )
        shutil.copytree(ROOT / "ocf_lib", self.root / "lib/openstack/ocf_lib", ignore=ignore)
        # what else is installed shines through
        self.mounts = []
        for kind in ("resource.d", "lib"):
            for other in sorted((OCF_ROOT / kind).iterdir()):
                if other.is_dir() and other.name != "openstack":
                    (self.root / kind / other.name).mkdir()
                    self.mounts.append(f"mount --bind {other} {self.root / kind / other.name}")
        self.mounts.append(f"mount --rbind {self.root} {OCF_ROOT}")

    def __call__(self, *words: str, extra: Mapping[str, str] | None = None) -> Result:
        mounts = " && ".join(self.mounts)
        done = subprocess.run(
            [*unshare(), "sh", "-c", f'{mounts} && exec "$@"', "sh", *words],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", **(extra or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr, 0.0)
