"""The Heartbeat shims, installed as by `make install`, with an agent that records its calls."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests import pace
from tests.calling import AGENTS, PATH, ROOT, Result

# Prints the real agent's meta-data. For any other action it records action and environment, then
# sleeps and exits as the test has set.
NOTING = """\
#!/bin/sh
case $1 in meta-data) exec cat {folder}/meta-data;; esac
echo "$1" >> {folder}/actions
env > {folder}/environment
echo "the agent says that it is running, OK"
echo ocf-exit-reason:so it is >&2
exec 2>&- >&-
sleep "$(cat {folder}/sleep.$1 2>/dev/null || echo 0)"
exit "$(cat {folder}/code.$1 2>/dev/null || echo 0)"
"""


class Installed:
    """An installation. folder: holds the agent's records. ha_d: replaces /etc/ha.d. description:
    the agent's meta-data."""

    def __init__(self, folder: Path, description: str) -> None:
        self.folder, self.ha_d = folder, folder / "ha.d"
        library = folder / "usr/lib/ocf/lib/openstack"
        shutil.copytree(ROOT / "heartbeat-shims", library / "heartbeat-shims", symlinks=True)
        (library / "ocf_lib").symlink_to(ROOT / "ocf_lib")
        self.agent = folder / "usr/lib/ocf/resource.d/openstack/keystone"
        self.agent.parent.mkdir(parents=True)
        self.agent.write_text(NOTING.format(folder=folder))
        self.agent.chmod(0o755)
        self.describe(description)
        (self.ha_d / "resource.d").mkdir(parents=True)
        (self.ha_d / "openstack").mkdir()
        self.shim = self.ha_d / "resource.d/openstack-keystone"
        self.shim.symlink_to(library / "heartbeat-shims/mapper")
        self.log = folder / "ha.log"

    def __call__(self, *words: str, environ: Mapping[str, str] | None = None) -> Result:
        """Call the shim of keystone; `words` end with the action."""
        environ = {
            "PATH": PATH,
            "HA_DIR": str(self.ha_d),
            "HA_LOGFILE": str(self.log),
            "HA_LOGFACILITY": "none",
            **(environ or {}),
        }
        done = pace.run([str(self.shim), *words], timeout=30, env=environ, text=True)
        assert "Traceback" not in done.stderr
        return Result(done.returncode, done.stdout, done.stderr, 0)

    def describe(self, description: str) -> None:
        """Set the agent's meta-data."""
        (self.folder / "meta-data").write_text(description)

    def end_with(self, action: str, code: int) -> None:
        """Set the agent's exit code for this action."""
        (self.folder / f"code.{action}").write_text(str(code))

    def write(self, text: str, instance: str = "p_keystone", mode: int = 0o600) -> Path:
        """Write the configuration file of an instance; return its path."""
        file = self.ha_d / f"openstack/{instance}.conf"
        file.write_text(text)
        file.chmod(mode)
        return file

    @property
    def actions(self) -> list[str]:
        """The actions that the shim called, in order."""
        file = self.folder / "actions"
        return file.read_text().split() if file.exists() else []

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the agent's last call."""
        lines = (self.folder / "environment").read_text().splitlines()
        found = dict(line.split("=", 1) for line in lines)
        return {name: value for name, value in found.items() if name not in ("PWD", "_", "SHLVL")}


@pytest.fixture(scope="session")
def descriptions() -> dict[str, str]:
    """The meta-data of two agents. Only keystone supports reload."""
    words = {name: [str(AGENTS / name), "meta-data"] for name in ("keystone", "horizon")}
    return {name: subprocess.check_output(each, text=True) for name, each in words.items()}


@pytest.fixture
def keystone(tmp_path: Path, descriptions: dict[str, str]) -> Installed:
    os.chmod(tmp_path, 0o755)
    return Installed(tmp_path, descriptions["keystone"])
