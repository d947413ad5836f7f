"""What start leaves for monitor and stop: which process, where it answers (hot module).

A text file of `name=value` lines in a folder that only root can write. Names that this version does
not know are skipped, so a record of a newer version is readable.
"""

from __future__ import annotations

import posix

from ocf_lib.processes.process import UNKNOWN, Ending, Process, Reloading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.net.endpoint import Endpoint

# Of a file of ours; a token of 2013 (PKI) is 3 to 8 KB.
SIZE_LIMIT = 16384


class Record:
    """One started daemon.

    leader: its first process, which also leads its session. ending: how to end it. reloading: how
    it is made to re-read its configuration, None in what older versions left.
    endpoint: the socket of its API, from its own listening sockets, or None while unknown.
    url: what the parameters said of where it is, or "". has_workers: it had some when it was ready,
    so one at least must live.
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
        """It is of a start that has succeeded: who the daemon is does not change any more."""
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
        """None for anything that is no record: a lost record is found again from the processes,
        a half-believed one would be a guess."""
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


def is_trusted(folder: str) -> bool:
    """Nobody but us (root, where agents run) can have put files into this folder."""
    try:
        facts = posix.lstat(folder)
    except OSError:
        return False
    return facts.st_uid == posix.geteuid() and facts.st_mode & 0o170022 == 0o040000


def read(path: str) -> str | None:
    """The text of a small file in our state folder; None where there is none to trust."""
    if not is_trusted(path.rpartition("/")[0]):
        return None
    try:
        # a FIFO, should somebody make one, would wait for a writer
        descriptor = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NONBLOCK)
        try:
            text = posix.read(descriptor, SIZE_LIMIT)
        finally:
            posix.close(descriptor)
    except OSError:
        return None
    # one that is larger is not of our making
    return text.decode("utf-8", "replace") if len(text) < SIZE_LIMIT else None
