"""What one monitor leaves for the next: since when something is wrong, and what was said about it.

A text file of `name=value` lines in a folder that only root can enter. It belongs to one instance,
and stop removes it. Times are those of the monotonic clock, which begins with the host, as the
folder does: a step of the wall clock makes no outage longer.
"""

from __future__ import annotations

from time import monotonic

from ocf_lib.state import statefile

# Stands in note "needs" for a service that depends on nothing.
NOTHING = "nothing"


class Notes:
    """The notes of one instance. path: their file. A note that nobody made reads as ""."""

    def __init__(self, path: str) -> None:
        self.path = path
        lines = (statefile.read(path) or "").splitlines()
        self.facts = dict(line.split("=", 1) for line in lines if "=" in line)
        self._before = dict(self.facts)

    def __getitem__(self, name: str) -> str:
        return self.facts.get(name, "")

    def __setitem__(self, name: str, value: object) -> None:
        """Note it; an empty value is forgotten. The value must be one line."""
        if value in ("", None):
            self.facts.pop(name, None)
        else:
            self.facts[name] = str(value)

    def since(self, name: str) -> float | None:
        """How many seconds ago the time under this name is; None if none was noted, or if it lies
        ahead, as after a boot that left the file."""
        try:
            age = monotonic() - float(self.facts[name])
        except (KeyError, ValueError):
            return None
        return age if age >= 0 else None

    def begin(self, name: str) -> float:
        """As `since`, but the first call notes the time and returns 0."""
        age = self.since(name)
        if age is None:
            self.stamp(name)
            return 0.0
        return age

    def stamp(self, name: str) -> None:
        """Note the present time."""
        self.facts[name] = f"{monotonic():.6f}"

    def drop(self, *prefixes: str) -> None:
        """Forget every note whose name begins with one of these."""
        self.facts = {name: v for name, v in self.facts.items() if not name.startswith(prefixes)}

    def keep(self) -> None:
        """Write what has changed. A full disk costs the next monitor its memory, and nothing
        else."""
        if self.facts == self._before:
            return
        text = "".join(f"{name}={value}\n" for name, value in self.facts.items())
        if statefile.is_trusted(self.path.rpartition("/")[0]):
            try:  # noqa: SIM105 - contextlib costs 3 ms
                statefile.write(self.path, text)
            except OSError:
                pass
        else:
            from ocf_lib.state import files

            files.keep_state(self.path, text)
        self._before = dict(self.facts)
