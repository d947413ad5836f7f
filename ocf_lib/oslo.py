"""A service's own configuration, read as oslo.config reads it (cold module).

Source: oslo.config, "Configuration Files": later files win over earlier ones, a folder's *.conf
count in the order of their names, and of an option that is repeated in a file the last one counts.
"""

from __future__ import annotations

import glob
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LIMIT = 1 << 20


class Options:
    """The options that a daemon with the command line `argv` has; what nobody set has none here."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.values: dict[tuple[str, str], str] = {}
        for path in _files(argv):
            for section, name, value in _parse(_read(path)):
                self.values[section, name] = value

    def get(self, section: str, *names: str) -> str:
        """The value of the first of the names that is set, "" for none."""
        return next(filter(None, (self.values.get((section, name)) for name in names)), "")


def _files(argv: Sequence[str]) -> Iterator[str]:
    """The files that --config-file and --config-dir name, in order; in uwsgi's --pyargv, too."""
    words = [part for word in argv for part in word.split(" ")]
    for position, word in enumerate(words):
        option, found, value = word.partition("=")
        if not found and position + 1 < len(words):
            value = words[position + 1]
        if option == "--config-file":
            yield value
        elif option == "--config-dir":
            yield from sorted(glob.glob(glob.escape(value) + "/*.conf"))


def _parse(text: str) -> Iterator[tuple[str, str, str]]:
    """(section, option, value) in order. A line that begins with a blank goes on with the value."""
    section, name, value = "DEFAULT", "", ""
    for line in [*text.splitlines(), "[end]"]:
        if line[:1] in " \t" and line.strip() and name:
            value += line.strip()
            continue
        if name:
            yield section, name, _unquoted(value)
        name = ""
        if line[:1] == "[":
            section = line[1:].partition("]")[0].strip()
        elif line[:1] not in ("#", ";"):
            at = min((line.find(sign) for sign in "=:" if sign in line), default=-1)
            name, value = line[: max(at, 0)].strip(), line[at + 1 :].strip()


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def _read(path: str) -> str:
    if not os.path.isfile(path):
        return ""  # opening a FIFO would wait for a writer
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(LIMIT)
    except OSError:
        return ""
