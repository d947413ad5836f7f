"""Calls an agent as Pacemaker does: in its own process, with an OCF environment and no more."""

from __future__ import annotations

import functools
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from tests import pace

ROOT = Path(__file__).resolve().parent.parent
AGENTS = ROOT / "agents"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
# Seconds: the timeout of an action whose test names none, and how long a call that is past its
# timeout is waited for, so that a late agent is noticed. Both grow with the machine's lateness.
TIMEOUT, GRACE = 20.0, 15.0
# A timeout that a test names grows, too, to so many seconds at most: some tests wait for its end.
MOST_SECONDS = 120.0
# How the reason of a monitor ends that has no verdict, because the host kept the service or the
# agent from its work. If the machine was busy meanwhile, it is called again for BUSY_SECONDS.
NO_VERDICT = "(host busy, degraded)"
BUSY_SECONDS = 60.0


class Result:
    """The outcome of one call. code: exit code. out, err: standard output and standard error.
    seconds: duration. granted: the timeout of the action, in seconds, if known. during: the time
    that it took."""

    def __init__(
        self,
        code: int,
        out: str,
        err: str,
        seconds: float,
        granted: float = float("inf"),
        during: pace.Stretch | None = None,
    ) -> None:
        self.code, self.out, self.err, self.seconds = code, out, err, seconds
        self.granted, self.during = granted, during or pace.Stretch()

    @property
    def is_in_time(self) -> bool:
        """It ended before Pacemaker would have killed it."""
        return self.seconds < self.granted

    @property
    def reason(self) -> str:
        """The last exit reason, which is the one that Pacemaker keeps; empty if there is none."""
        lines = [line for line in self.err.splitlines() if line.startswith("ocf-exit-reason:")]
        return lines[-1].partition(":")[2] if lines else ""

    def __repr__(self) -> str:
        said = self.reason or self.err or self.out
        return f"<code {self.code} in {self.seconds:.2f} s: {said!r}>"


def granted(seconds: float) -> float:
    """The timeout, in seconds, of an action that needs one of `seconds` on a quiet machine."""
    return max(seconds, min(pace.seconds(seconds), MOST_SECONDS))


def is_late(result: Result) -> bool:
    """Whether a monitor found the service degraded on a machine so busy that a healthy neighbour
    may have been late. For fixtures that wait until all is well."""
    return result.code == 190 and result.during.was_busy()


class Caller:
    """Calls one agent for one instance.

    folder: holds the state and logs of this instance. parameters: OCF_RESKEY_*, without the prefix.
    agents: folder of the agents; the checkout, unless a test needs a copy that everybody can read.
    prefix: words before the agent's path that run it in another namespace. repeats: whether a
    monitor without a verdict is called again on a busy machine; not for a test of just that.
    """

    def __init__(
        self, agent: str, folder: Path, instance: str = "p_test", **parameters: object
    ) -> None:
        self.agent, self.folder, self.instance = agent, folder, instance
        self.agents = AGENTS
        self.prefix: tuple[str, ...] = ()
        self.repeats = True
        self.rsctmp = folder / "rsctmp"
        self.log = folder / "ha.log"
        self.parameters = {name: str(value) for name, value in parameters.items()}

    @property
    def tokens(self) -> list[Path]:
        """The kept tokens, one for each account that a resource in this state folder has."""
        return sorted((self.rsctmp / "openstack").glob("account-*.token"))

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
        timeout: float | None = None,
        interval: float = 0,
        level: int | None = None,
        extra: Mapping[str, str] | None = None,
        user: str | None = None,
        **parameters: object,
    ) -> Result:
        """Run `action`. timeout, interval: seconds; the agent gets them in milliseconds, as from
        Pacemaker. The timeout is for a quiet machine; the result has the one that was granted."""
        timeout = pace.seconds(TIMEOUT) if timeout is None else granted(timeout)
        env = self.environment(**parameters)
        env["OCF_RESKEY_CRM_meta_timeout"] = str(int(timeout * 1000))
        if interval:
            env["OCF_RESKEY_CRM_meta_interval"] = str(int(interval * 1000))
        if level is not None:
            env["OCF_CHECK_LEVEL"] = str(level)
        env.update(extra or {})
        until = time.monotonic() + BUSY_SECONDS
        while True:
            result = self._run(action, env, timeout, user)
            is_final = not self.repeats or not result.reason.endswith(NO_VERDICT)
            if is_final or time.monotonic() > until or not result.during.was_busy():
                return result

    def _run(self, action: str, env: dict[str, str], timeout: float, user: str | None) -> Result:
        began, during = time.monotonic(), pace.Stretch()
        done = pace.run(
            [*self.prefix, str(self.agents / self.agent), *action.split()],
            own=timeout,
            timeout=GRACE,
            env=env,
            text=True,
            user=user,
        )
        seconds = time.monotonic() - began
        return Result(done.returncode, done.stdout, done.stderr, seconds, timeout, during)

    def monitor(self, level: int | None = None, **more: object) -> Result:
        """A recurring monitor."""
        return self("monitor", interval=10, level=level, **more)  # type: ignore[arg-type]

    def spawn(
        self,
        action: str,
        timeout: float | None = None,
        extra: Mapping[str, str] | None = None,
        **parameters: object,
    ) -> subprocess.Popen[str]:
        """Start an action in its own process group and do not wait for it; for a test that kills
        it. timeout: as for a call."""
        timeout = pace.seconds(TIMEOUT) if timeout is None else granted(timeout)
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
