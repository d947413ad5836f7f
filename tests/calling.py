"""Calls an agent as Pacemaker does: in its own process, with an OCF environment and no more."""

from __future__ import annotations

import functools
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AGENTS = ROOT / "agents"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Result:
    """The outcome of one call. code: exit code. out, err: standard output and standard error.
    seconds: duration."""

    def __init__(self, code: int, out: str, err: str, seconds: float) -> None:
        self.code, self.out, self.err, self.seconds = code, out, err, seconds

    @property
    def reason(self) -> str:
        """The last exit reason, which is the one that Pacemaker keeps; empty if there is none."""
        lines = [line for line in self.err.splitlines() if line.startswith("ocf-exit-reason:")]
        return lines[-1].partition(":")[2] if lines else ""

    def __repr__(self) -> str:
        said = self.reason or self.err or self.out
        return f"<code {self.code} in {self.seconds:.2f} s: {said!r}>"


class Caller:
    """Calls one agent for one instance.

    folder: holds the state and logs of this instance. parameters: OCF_RESKEY_*, without the prefix.
    agents: folder of the agents; the checkout, unless a test needs a copy that everybody can read.
    prefix: words before the agent's path that run it in another namespace.
    """

    def __init__(
        self, agent: str, folder: Path, instance: str = "p_test", **parameters: object
    ) -> None:
        self.agent, self.folder, self.instance = agent, folder, instance
        self.agents = AGENTS
        self.prefix: tuple[str, ...] = ()
        self.rsctmp = folder / "rsctmp"
        self.log = folder / "ha.log"
        self.parameters = {name: str(value) for name, value in parameters.items()}

    def environment(self, **parameters: object) -> dict[str, str]:
        given = {**self.parameters, **{name: str(value) for name, value in parameters.items()}}
        return {
            "PATH": PATH,
            "OCF_ROOT": "/usr/lib/ocf",
            "OCF_RA_VERSION_MAJOR": "1",
            "OCF_RESOURCE_INSTANCE": self.instance,
            "OCF_RESOURCE_TYPE": self.agent,
            "OCF_RESOURCE_PROVIDER": "openstack",
            "HA_RSCTMP": str(self.rsctmp),
            "HA_LOGFACILITY": "none",
            "HA_LOGFILE": str(self.log),
            **{f"OCF_RESKEY_{name}": value for name, value in given.items()},
        }

    def __call__(
        self,
        action: str,
        *,
        timeout: float = 20.0,
        interval: float = 0,
        level: int | None = None,
        extra: Mapping[str, str] | None = None,
        user: str | None = None,
        **parameters: object,
    ) -> Result:
        """Run `action`. timeout, interval: seconds; the agent gets them in milliseconds, as from
        Pacemaker. The call waits 15 s longer than `timeout`, so that a late agent is noticed."""
        env = self.environment(**parameters)
        env["OCF_RESKEY_CRM_meta_timeout"] = str(int(timeout * 1000))
        if interval:
            env["OCF_RESKEY_CRM_meta_interval"] = str(int(interval * 1000))
        if level is not None:
            env["OCF_CHECK_LEVEL"] = str(level)
        env.update(extra or {})
        began = time.monotonic()
        done = subprocess.run(
            [*self.prefix, str(self.agents / self.agent), *action.split()],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout + 15,
            user=user,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr, time.monotonic() - began)

    def monitor(self, level: int | None = None, **more: object) -> Result:
        """A recurring monitor."""
        return self("monitor", interval=10, level=level, **more)  # type: ignore[arg-type]

    def spawn(
        self,
        action: str,
        timeout: float = 20.0,
        extra: Mapping[str, str] | None = None,
        **parameters: object,
    ) -> subprocess.Popen[str]:
        """Start an action in its own process group and do not wait for it; for a test that kills
        it."""
        env = self.environment(**parameters)
        env["OCF_RESKEY_CRM_meta_timeout"] = str(int(timeout * 1000))
        env.update(extra or {})
        return subprocess.Popen(
            [*self.prefix, str(self.agents / self.agent), action],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


@functools.lru_cache(maxsize=1)
def unshare() -> tuple[str, ...]:
    """Words that run a command in its own mount namespace. In a chroot, / is not a mount point, so
    its propagation cannot be changed."""
    private = ("unshare", "--mount")
    done = subprocess.run([*private, "true"], capture_output=True, check=False)
    return private if done.returncode == 0 else (*private, "--propagation", "unchanged")


def agents() -> list[str]:
    """The names of all agents in this checkout."""
    return sorted(name for name in os.listdir(AGENTS) if not name.startswith("."))
