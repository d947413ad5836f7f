"""Has the processes of a service watched once an answer is late, and costs nothing before."""

from __future__ import annotations

from ocf_lib.net.http import Idle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.health.watch import Watch
    from ocf_lib.instance import Instance

# Seconds within which a healthy API answers, and between two looks after that.
LATE_SECONDS, LOOK_SECONDS = 1.0, 0.2


class Late(Idle):
    """What requests call while they wait for the service. watch: what was seen; None if no answer
    was late."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(self.look, LATE_SECONDS, LOOK_SECONDS)
        self.instance = instance
        self.watch: Watch | None = None

    def look(self) -> None:
        """Look at the processes now."""
        if self.watch is None:
            from ocf_lib.health.watch import Watch

            self.watch = Watch(self.instance)
        self.watch.look()
