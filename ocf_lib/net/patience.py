"""How long one request may take within an action."""

from __future__ import annotations

from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.net.http import Idle

# Seconds for a request, if the agent has no parameter for it, and for a check of all dependencies.
USUAL_REQUEST, RESERVE = 10.0, 4.0


class Patience:
    """The time that an action has for its requests.

    deadline: when the action must have ended, on the monotonic clock. longest: the most seconds for
    one request (parameter api_timeout), None for the usual. idle: what requests call while they
    wait for the service.
    """

    def __init__(
        self, deadline: float, longest: float | None = None, idle: Idle | None = None
    ) -> None:
        self.deadline, self.longest, self.idle = deadline, longest or USUAL_REQUEST, idle

    @property
    def seconds(self) -> float:
        """Seconds for a request that begins now. Some of the action's time is kept for finding out
        what is to blame if nothing answers."""
        left = self.left
        return max(0.0, min(self.longest, max(left - RESERVE, left / 2)))

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - monotonic()

    def at_most(self, seconds: float) -> Patience:
        """The same deadline, with no request longer than this."""
        return Patience(self.deadline, min(self.longest, seconds), self.idle)
