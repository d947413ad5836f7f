"""A service's own configuration, read as oslo.config reads it.

Source: oslo.config, "Configuration Files". A later file takes precedence over an earlier one, the
*.conf of a folder count in the order of their names, and the last line counts if an option is
repeated in a file.

Not done: options in the environment (OS_DEFAULT__NAME) or in the user's home, and $other_option
within a value.
"""

from __future__ import annotations

import glob
import os
import re
from urllib.parse import unquote

from ocf_lib.state import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ETC = "/etc"
# Names of options whose values are secret. Values shorter than KNOWN_LENGTH are not hidden: they
# are too common.
SECRET = re.compile("passw|secret|token|_key$|credential")
KNOWN_LENGTH = 4


class Options:
    """The options that a daemon with the command line `argv` has. Defaults are not among them.

    project: its folders in /etc are read first, if there is no --config-dir. flaw: the first line
    that oslo.config refuses, as in "line 3 of /etc/nova/nova.conf", "" for none.
    """

    def __init__(self, argv: Sequence[str], project: str = "") -> None:
        self.values: dict[tuple[str, str], str] = {}
        self.flaw = ""
        for path in _files(list(_words(argv)), project):
            text = files.read_text(path)
            for section, name, value in _parse(text):
                self.values[section, name] = value
            number = _flaw(text)
            if number and not self.flaw:
                self.flaw = f"line {number} of {path}"

    def get(self, section: str, *names: str) -> str:
        """The value of the first of the names that is set, "" for none."""
        return next(filter(None, (self.values.get((section, name)) for name in names)), "")

    def secrets(self) -> set[str]:
        """Passwords and keys among the values, and those in URLs (rabbit://USER:PASSWORD@HOST),
        even if a password has a character that should have been quoted."""
        found = {value for (_, name), value in self.values.items() if SECRET.search(name)}
        for value in self.values.values():
            account = value.partition("://")[2].rpartition("@")[0]
            found.update(re.split("[:/,?#@]", account.partition(":")[2]))
        found |= {unquote(text) for text in found}
        return {text for text in found if len(text) >= KNOWN_LENGTH}


def _words(argv: Sequence[str]) -> Iterator[str]:
    """The arguments. Under uwsgi the word after --pyargv holds those of the application."""
    before = ""
    for word in argv:
        yield from word.split() if before == "--pyargv" else [word]
        before = word


def _files(words: Sequence[str], project: str) -> Iterator[str]:
    """The files that --config-file and --config-dir name, in order. Without --config-dir the usual
    folders come first."""
    options = [word.partition("=")[0] for word in words]
    if project and "--config-dir" not in options:
        for folder in _usual_folders(words[0], project):
            yield from _in_folder(folder)
    for position, (option, word) in enumerate(zip(options, words)):
        value = word.partition("=")[2]
        if option == word and position + 1 < len(words):
            value = words[position + 1]
        if option == "--config-file":
            yield value
        elif option == "--config-dir":
            yield from _in_folder(value)


def _usual_folders(program: str, project: str) -> Iterator[str]:
    """PROJECT.conf.d and PROGRAM.conf.d, each in the first place that has it."""
    for name in (project, os.path.basename(program).removesuffix(".py")):
        places = (f"{ETC}/{project}/{name}.conf.d", f"{ETC}/{name}.conf.d")
        yield from list(filter(os.path.exists, places))[:1]


def _in_folder(folder: str) -> list[str]:
    return sorted(glob.glob(glob.escape(folder) + "/*.conf"))


def _parse(text: str) -> Iterator[tuple[str, str, str]]:
    """(section, option, value) in order. A line that begins with a blank continues the value."""
    section, name, value = "", "", ""
    # not splitlines: for that a form feed or U+2028 ends a line, too
    for line in map(str.rstrip, [*text.split("\n"), ""]):
        if line[:1] in (" ", "\t"):
            value += line.lstrip()
            continue
        if name:
            yield section, name, value
        name = ""
        if line[:1] == "[":
            section = line[1:-1] if line == "[DEFAULT]" else line[1:-1].lower()
        elif line[:1] not in ("#", ";"):
            at = min((line.find(sign) for sign in "=:" if sign in line), default=0)
            name, value = line[:at].strip(), _unquoted(line[at + 1 :].strip())


def _flaw(text: str) -> int:
    """The number of the first line that is no section, option or comment, and continues no value; 0
    for none (oslo_config.iniparser)."""
    in_section = in_value = False
    for number, line in enumerate(map(str.rstrip, text.split("\n")), 1):
        if line[:1] in (" ", "\t"):
            if not in_value:
                return number
            continue
        in_value = False
        if line[:1] == "[":
            if len(line) < 3 or line[-1] != "]":
                return number
            in_section = True
        elif line and line[0] not in "#;":
            name = line[: min((line.find(sign) for sign in "=:" if sign in line), default=0)]
            if not (in_section and name.strip()):
                return number
            in_value = True
    return 0


def _unquoted(value: str) -> str:
    return value[1:-1] if value[:1] in ("'", '"') and value[0] == value[-1] else value
