"""What start leaves for monitor and stop: which process it is, and where its API answers.

A text file of `name=value` lines in a folder that only root can write. Names that this version does
not know are skipped, so a record of a newer version is readable.
"""

from __future__ import annotations

from ocf_lib.declare.service import Ending, Reloading
from ocf_lib.processes.process import UNKNOWN, Process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.net.endpoint import Endpoint


class Record:
    """One started daemon.

    leader: its first process, which also leads its session. ending: how to end it. reloading: how
    it is made to re-read its configuration, None in a record of an older version.
    endpoint: the socket of its API, one of its own listening sockets; None while it is unknown.
    url: what the parameters said about where the API is, or "". has_workers: it had some when it
    was ready, so at least one must live.
    """

    def __init__(
        self,
        leader: Process,
        ending: Ending,
        endpoint: Endpoint | None = None,
        url: str = "",
        has_workers: bool = False,
        reloading: Reloading | None = None,
    ) -> None:
        self.leader, self.ending, self.endpoint, self.url = leader, ending, endpoint, url
        self.has_workers, self.reloading = has_workers, reloading

    @property
    def is_settled(self) -> bool:
        """Whether the start has succeeded: the daemon's owner and executable are final."""
        return self.leader.uid != UNKNOWN

    def __str__(self) -> str:
        lines = [
            f"pid={self.leader.pid}",
            f"start={self.leader.start}",
            f"uid={self.leader.uid}",
            f"exe={self.leader.exe}",
            f"signal={self.ending.signal}",
            f"patience={self.ending.patience}",
        ]
        if self.reloading is not None:
            lines.append(f"reload={self.reloading.signal}")
            lines += ["renews=1"] if self.reloading.replaces_workers else []
        if self.has_workers:
            lines.append("workers=1")
        if self.endpoint is not None:
            lines.append(f"api={self.endpoint.url}")
            lines.append(f"url={self.url}")
        return "\n".join(lines) + "\n"

    @classmethod
    def parse(cls, text: str) -> Record | None:
        """From the text of a record; None if any value in it is missing or wrong. Without a record
        the processes can still be found; half a record would be a guess."""
        facts = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        try:
            leader = Process(
                int(facts["pid"]), int(facts["start"]), int(facts["uid"]), facts["exe"]
            )
            ending = Ending(int(facts["signal"]), int(facts["patience"]))
            if leader.pid <= 1 or leader.start < 0 or leader.uid < UNKNOWN:
                return None
            if not 0 < ending.signal < 32 or ending.patience < 0:
                return None
            reloading = None
            if "reload" in facts:
                reloading = Reloading(int(facts["reload"]), "renews" in facts)
                if not 0 <= reloading.signal < 32:
                    return None
            endpoint = None
            if "api" in facts:
                from ocf_lib.net.endpoint import Endpoint

                endpoint = Endpoint.parse(facts["api"])
        except (KeyError, ValueError):
            return None
        url, has_workers = facts.get("url", ""), "workers" in facts
        return cls(leader, ending, endpoint, url, has_workers, reloading)
