"""What the caller says: the action, and the OCF, HA and CRM variables.

Source: OCF resource agent API 1.1; Pacemaker's "OCF_RESKEY_CRM_meta_*" variables, whose times
are milliseconds.
"""

from __future__ import annotations

from time import monotonic

from ocf_lib import numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RSCTMP = "/run/resource-agents"
# Seconds. Pacemaker's own default, for an action that advertises none. ocf-tester, Heartbeat and a
# person at a shell name no timeout.
DEFAULT_TIMEOUT = 20.0
# Seconds for our own last lines. Pacemaker SIGKILLs at the timeout, which it counts from before the
# fork; the interpreter needs 10 to 50 ms to get here on a busy machine, a log line takes less.
MARGIN = 0.5


class Environment:
    """One call of an agent.

    argv: the arguments without the program's name; all but the first are ignored.
    environ: the variables, as `os.environ`. usual_timeout: seconds that the action has if the
    caller does not say; 0 for Pacemaker's default.
    """

    def __init__(
        self,
        argv: Sequence[str],
        environ: Mapping[str, str],
        usual_timeout: float = 0,
    ) -> None:
        self.began = monotonic()
        self.environ = environ
        self.usual_timeout = usual_timeout or DEFAULT_TIMEOUT
        self.action = argv[0] if argv else ""
        self.instance = environ.get("OCF_RESOURCE_INSTANCE") or "default"
        self.rsctmp = environ.get("HA_RSCTMP") or RSCTMP

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
    def deadline(self) -> float:
        """When the action must have ended, on the monotonic clock, with a margin for the exit."""
        return self.began + max(self.timeout - MARGIN, self.timeout / 2)

    @property
    def speaks_our_api(self) -> bool:
        """OCF_RA_VERSION_MAJOR is 1 or unset."""
        return self.environ.get("OCF_RA_VERSION_MAJOR", "1") in ("1", "")
