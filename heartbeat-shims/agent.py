"""The OCF agent behind a shim: reads its meta-data and runs its actions."""

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
LATE = 124  # the exit code of timeout(1)
# Variables of the caller that an agent gets, besides Heartbeat's own HA_ variables.
KEPT = ("PATH", "LANG", "TZ", "OCF_ROOT", "OCF_CHECK_LEVEL")


class Agent:
    """An installed OCF agent.

    parameters: the names of its parameters. timeouts: seconds, by action. Both are empty if its
    meta-data cannot be read, because that must not prevent a stop.
    """

    def __init__(self, name: str) -> None:
        """Finds the agent and reads its meta-data. Raises NotInstalled if it does not exist."""
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
            # the longest timeout of all monitors
            self.timeouts[name] = max(seconds, self.timeouts.get(name, 0))

    def run(self, action: str, call: Call, environ: Mapping[str, str]) -> int:
        """Runs an action for the instance of `call`. environ: the caller's environment.

        Returns the agent's OCF exit code, 124 if the agent did not end in time, or 128 plus the
        number of the signal that killed it.
        """
        seconds = self._seconds(action, call)
        try:
            done = subprocess.run(
                [self.path, action],
                env=self._environment(action, call, environ),
                stdin=subprocess.DEVNULL,
                stdout=2,  # the caller looks for "running" in what the shim prints
                check=False,
                # normally the agent ends before that by itself; Heartbeat would wait for ever
                timeout=seconds or None,
            )
        except subprocess.TimeoutExpired:
            return LATE
        return done.returncode if done.returncode >= 0 else 128 - done.returncode

    def _seconds(self, action: str, call: Call) -> int:
        """How many seconds the action may take, 0 for no limit."""
        task = "monitor" if action == "status" else action
        return call.seconds(task, self.timeouts.get(task, 0))

    def _environment(self, action: str, call: Call, environ: Mapping[str, str]) -> dict[str, str]:
        """The environment that the agent would get from Pacemaker."""
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
