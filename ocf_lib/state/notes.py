"""What one monitor leaves for the next: since when something is wrong, what was said of it (hot
module).

A text file of `name=value` lines in a folder that only root can write. It is the instance's own,
and goes at stop. Times are of the monotonic clock, which begins with the host, as the folder does:
no step of the wall clock makes an outage longer.
"""

from __future__ import annotations

import posix
from time import monotonic

from ocf_lib.state.record import is_trusted, read

# What stands for the needs of a service that has none.
NOTHING = "nothing"
NEW_FILE = posix.O_CREAT | posix.O_EXCL | posix.O_WRONLY | posix.O_CLOEXEC


class Notes:
    """The notes of one instance. path: their file. A note that nobody made reads as ""."""

    def __init__(self, path: str) -> None:
        self.path = path
        lines = (read(path) or "").splitlines()
        self.facts = dict(line.split("=", 1) for line in lines if "=" in line)
        self._before = dict(self.facts)

    def __getitem__(self, name: str) -> str:
        return self.facts.get(name, "")

    def __setitem__(self, name: str, value: object) -> None:
        """Note it; what is empty is forgotten. The value must be one line."""
        if value in ("", None):
            self.facts.pop(name, None)
        else:
            self.facts[name] = str(value)

    def since(self, name: str) -> float | None:
        """How many seconds ago the time under this name was noted; None where none was, or where it
        lies ahead, as after a boot that left the file."""
        try:
            age = monotonic() - float(self.facts[name])
        except (KeyError, ValueError):
            return None
        return age if age >= 0 else None

    def begin(self, name: str) -> float:
        """As since, but the first time is noted now: 0."""
        age = self.since(name)
        if age is None:
            self.stamp(name)
            return 0.0
        return age

    def stamp(self, name: str) -> None:
        """Note that it is now."""
        self.facts[name] = f"{monotonic():.6f}"

    def drop(self, *prefixes: str) -> None:
        """Forget every note whose name begins so."""
        self.facts = {name: v for name, v in self.facts.items() if not name.startswith(prefixes)}

    def keep(self) -> None:
        """Write what has changed. A full disk costs the next monitor its memory, no more."""
        if self.facts == self._before:
            return
        text = "".join(f"{name}={value}\n" for name, value in self.facts.items())
        if is_trusted(self.path.rpartition("/")[0]):
            self._write(text)
        else:
            from ocf_lib.state import files

            files.keep_state(self.path, text)
        self._before = dict(self.facts)

    def _write(self, text: str) -> None:
        """As files.replace does, without what that costs to import: in a folder that root alone can
        enter nobody plants anything."""
        temporary, data = f"{self.path}.{posix.getpid()}", text.encode("utf-8", "replace")
        try:
            descriptor = posix.open(temporary, NEW_FILE, 0o600)
            try:
                written = posix.write(descriptor, data)
            finally:
                posix.close(descriptor)
            if written == len(data):
                posix.rename(temporary, self.path)
                return
        except OSError:
            pass
        # a full disk takes a part of it, or none; one that a killed monitor left blocks our name
        try:  # noqa: SIM105 - contextlib costs 3 ms
            posix.unlink(temporary)
        except OSError:
            pass
