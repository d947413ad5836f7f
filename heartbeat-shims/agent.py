"""The OCF agent behind a shim: what it says of itself, and how it is called."""

from __future__ import annotations

import os
import subprocess

from ocf_lib import libraries
from ocf_lib.outcomes import NotInstalled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from call import Call

HERE = os.path.dirname(os.path.abspath(__file__))
# Where the agents are: installed, and in a checkout.
PROVIDERS = (HERE + "/../../../resource.d/openstack", HERE + "/../agents")
LATE = 124  # as timeout(1) says it
# What an agent gets of the caller's environment, beside Heartbeat's own HA_ variables.
KEPT = ("PATH", "LANG", "TZ", "OCF_ROOT", "OCF_CHECK_LEVEL")


class Agent:
    """parameters: the names that it takes. timeouts: seconds, by action. Both are empty where its
    meta-data cannot be had, which must hinder no stop."""

    def __init__(self, name: str) -> None:
        """Raises NotInstalled where there is none of this name."""
        self.name = name
        found = [path for path in (f"{p}/{name}" for p in PROVIDERS) if os.access(path, os.X_OK)]
        if not name or not found:
            raise NotInstalled(f"there is no agent {name!r} in {os.path.normpath(PROVIDERS[0])}")
        self.path = os.path.normpath(found[0])
        self.parameters: set[str] = set()
        self.timeouts: dict[str, int] = {}
        self._read()

    def _read(self) -> None:
        said = subprocess.run([self.path, "meta-data"], capture_output=True, check=False).stdout
        libraries.enable()
        try:
            from lxml import etree

            root = etree.fromstring(said)
        except (ImportError, ValueError, SyntaxError):
            return
        self.parameters = {each.get("name") for each in root.iter("parameter")}
        for each in root.iter("action"):
            name, seconds = each.get("name"), int(each.get("timeout").rstrip("s"))
            # of the monitors, that of the one which looks deepest
            self.timeouts[name] = max(seconds, self.timeouts.get(name, 0))

    def run(self, action: str, call: Call, environ: Mapping[str, str]) -> int:
        """Let it carry out the action for the instance; return its OCF code, 124 where it did not
        end in time, 128 and a signal's number where it was killed. environ: of the caller."""
        seconds = self._seconds(action, call)
        try:
            done = subprocess.run(
                [self.path, action],
                env=self._environment(action, call, environ),
                stdin=subprocess.DEVNULL,
                stdout=2,  # the caller looks for "running" in what the shim prints
                check=False,
                # the agent ends by itself before that; Heartbeat would wait for ever
                timeout=seconds or None,
            )
        except subprocess.TimeoutExpired:
            return LATE
        return done.returncode if done.returncode >= 0 else 128 - done.returncode

    def _seconds(self, action: str, call: Call) -> int:
        """How long the action may take, 0 where nobody says."""
        task = "monitor" if action == "status" else action
        return call.seconds(task, self.timeouts.get(task, 0))

    def _environment(self, action: str, call: Call, environ: Mapping[str, str]) -> dict[str, str]:
        """What Pacemaker would set, and what it would keep."""
        kept = {n: text for n, text in environ.items() if n in KEPT or n.startswith("HA_")}
        made = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "OCF_ROOT": "/usr/lib/ocf",
            **kept,
            "OCF_RA_VERSION_MAJOR": "1",
            "OCF_RA_VERSION_MINOR": "1",
            "OCF_RESOURCE_INSTANCE": call.instance,
            "OCF_RESOURCE_TYPE": self.name,
            "OCF_RESOURCE_PROVIDER": "openstack",
        }
        if seconds := self._seconds(action, call):
            made["OCF_RESKEY_CRM_meta_timeout"] = f"{seconds}000"
        for name, value in call.parameters.items():
            made[f"OCF_RESKEY_{name}"] = value
        return made
