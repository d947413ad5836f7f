"""Has the processes of a service watched once an answer is late, and costs nothing before."""

from __future__ import annotations

from time import monotonic

from ocf_lib.net.http import Idle
from ocf_lib.net.patience import RESERVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.health.watch import Watch
    from ocf_lib.instance import Instance

# Seconds within which a healthy API answers, and between two looks after that.
LATE_SECONDS, LOOK_SECONDS = 1.0, 0.2
# Seconds of watching that tell whether the service is stuck.
ENOUGH_SECONDS = 1.0


class Late(Idle):
    """What requests call while they wait for the service. watch: what was seen; None if no answer
    was late."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(self.look, LATE_SECONDS, LOOK_SECONDS)
        self.instance = instance
        self.watch: Watch | None = None

    def more(self, seconds: float, took: float) -> float:
        """The request goes on until the service was watched for long enough, and until it has had
        the time that we needed ourselves: a server that waits for its client is not stuck. Not for
        more than twice its time beyond that."""
        if self.watch is None:
            self.look()
        watch, deadline = self.watch, self.instance.environment.deadline
        assert watch is not None
        ours = min(watch.own.total + watch.held_up, 2 * seconds)
        if watch.seconds >= ENOUGH_SECONDS and took >= seconds + ours:
            return 0.0
        return min(LOOK_SECONDS, deadline - monotonic() - RESERVE)

    def look(self) -> None:
        """Look at the processes now."""
        if self.watch is None:
            from ocf_lib.health.watch import Watch

            self.watch = Watch(self.instance)
        self.watch.look()
