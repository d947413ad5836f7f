"""What do the processes of the service do while an answer is late?"""

from __future__ import annotations

from posix import getpid
from time import monotonic

from ocf_lib.launch import running
from ocf_lib.processes.members import has_workers
from ocf_lib.processes.progress import Progress, Times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.instance import Instance

# Seconds between two searches for the processes, which may be replaced meanwhile.
SEARCH_SECONDS = 5.0
# Two looks are never so many seconds apart, unless this agent was held up.
HELD_UP_SECONDS = 1.0


class Watch:
    """Looks at the processes of `instance`, whenever it is told to. whole: also at a parent that
    leaves the work to its workers.

    service: what its processes did, ours: what this agent did; None before the first look.
    pids: the processes that were looked at last. held_up: seconds for which this agent did nothing
    at all, whatever the cause was: no CPU, a frozen cgroup, a virtual machine that stood still.
    """

    def __init__(self, instance: Instance, whole: bool = False) -> None:
        self.instance, self.whole = instance, whole
        self.service: Progress | None = None
        self.ours: Progress | None = None
        self.held_up = 0.0
        self.pids: list[int] = []
        self._searched = 0.0

    def forget(self) -> None:
        """Begin anew: what was seen says nothing about the next request."""
        self.service = self.ours = None
        self.held_up = 0.0

    def look(self) -> None:
        """Look at them once."""
        if self.service is None or self.ours is None:
            self.service, self.ours = Progress(), Progress(by_state=False)
        now = monotonic()
        gap = now - self.service.looked if self.service.looked else 0.0
        if gap > HELD_UP_SECONDS:
            self.held_up += gap
        if now >= self._searched + SEARCH_SECONDS:
            self.pids = self._search()
            self._searched = monotonic()
        self.service.look(self.pids)
        self.ours.look([getpid()])

    @property
    def seconds(self) -> float:
        """How long it has watched."""
        return 0.0 if self.service is None else self.service.seconds

    @property
    def own(self) -> Times:
        """What this agent did itself."""
        found = [] if self.ours is None else self.ours.times
        return found[0] if found else Times()

    @property
    def age(self) -> float:
        """Seconds since its first look."""
        return 0.0 if self.service is None else monotonic() - self.service.begun

    def _search(self) -> list[int]:
        """The processes that may work on the request. A parent with workers does not: that of
        oslo.service looks after them 100 times a second, which is long waits on a busy host."""
        found = running.members_of(self.instance)
        if found.leader is None or self.whole or not has_workers(found.leader.pid, found.all):
            return found.pids
        return [pid for pid in found.pids if pid != found.leader.pid]
