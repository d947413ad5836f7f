"""What the caller says: the action, and the OCF, HA and CRM variables.

Source: OCF resource agent API 1.1; Pacemaker's "OCF_RESKEY_CRM_meta_*" variables, whose times
are milliseconds.
"""

from __future__ import annotations

import posix
from time import CLOCK_BOOTTIME, clock_gettime, monotonic

from ocf_lib import numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RSCTMP = "/run/resource-agents"
# Seconds. Pacemaker's own default, for an action that advertises none. ocf-tester, Heartbeat and a
# person at a shell name no timeout.
DEFAULT_TIMEOUT = 20.0
# Seconds for our own last lines: a share of the timeout, within bounds. Pacemaker SIGKILLs at the
# timeout, which it counts from before the fork. The interpreter needs 15 ms to get here, the last
# lines take less; on a busy host both take longer by the same factor, so the seconds that we were
# late are added. Beside 8 busy loops the last lines once took 0.6 s (measured).
MARGIN_SHARE, LEAST_MARGIN, MOST_MARGIN = 0.05, 0.5, 5.0


class Environment:
    """One call of an agent.

    argv: the arguments without the program's name; all but the first are ignored.
    environ: the variables, as `os.environ`. usual_timeout: seconds that the action has if the
    caller does not say; 0 for Pacemaker's default. age: seconds since the process was forked.
    """

    def __init__(
        self,
        argv: Sequence[str],
        environ: Mapping[str, str],
        usual_timeout: float = 0,
        age: float = 0.0,
    ) -> None:
        self.environ = environ
        self.usual_timeout = usual_timeout or DEFAULT_TIMEOUT
        self.action = argv[0] if argv else ""
        self.instance = environ.get("OCF_RESOURCE_INSTANCE") or "default"
        self.rsctmp = environ.get("HA_RSCTMP") or RSCTMP
        # Older than its timeout: a program that had run for long before it turned into the agent
        # (exec). Pacemaker would have killed it.
        self.late = age if 0 < age < self.timeout else 0.0
        self.began = monotonic() - self.late

    def milliseconds(self, name: str) -> int:
        """A CRM_meta time in ms, 0 if it is unset or no number."""
        return numbers.whole(self.environ.get("OCF_RESKEY_CRM_meta_" + name)) or 0

    @property
    def is_probe(self) -> bool:
        """A probe is a monitor without an interval."""
        return self.action == "monitor" and self.milliseconds("interval") == 0

    @property
    def is_recurring(self) -> bool:
        """A monitor that Pacemaker repeats."""
        return self.action == "monitor" and not self.is_probe

    @property
    def check_level(self) -> int | None:
        """OCF_CHECK_LEVEL, None if the caller leaves it to the agent."""
        return numbers.whole(self.environ.get("OCF_CHECK_LEVEL"))

    @property
    def timeout(self) -> float:
        """Seconds that the caller grants the whole action."""
        return self.milliseconds("timeout") / 1000 or self.usual_timeout

    @property
    def margin(self) -> float:
        """Seconds that are kept for the exit: more if the host made us late."""
        usual = min(MOST_MARGIN, max(LEAST_MARGIN, MARGIN_SHARE * self.timeout))
        return min(usual + self.late, (self.timeout - self.late) / 2)

    @property
    def deadline(self) -> float:
        """When the action must have ended, on the monotonic clock."""
        return self.began + self.timeout - self.margin

    @property
    def last_moment(self) -> float:
        """When nothing but the exit itself may be left."""
        return self.deadline + self.margin / 3

    @property
    def speaks_our_api(self) -> bool:
        """OCF_RA_VERSION_MAJOR is 1 or unset."""
        return self.environ.get("OCF_RA_VERSION_MAJOR", "1") in ("1", "")


def age() -> float:
    """Seconds since this process was forked, 0 if /proc does not tell.

    Source: proc(5), starttime of /proc/PID/stat, in clock ticks (10 ms) since boot.
    """
    try:
        with open("/proc/self/stat", "rb", 0) as file:
            text = file.read(4096)
        ticks = int(text[text.rindex(b")") + 2 :].split()[19])
        return clock_gettime(CLOCK_BOOTTIME) - ticks / posix.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0.0
