"""What one call of a shim says: the instance, its parameters, the action.

Source: ResourceManager of heartbeat 3.0.6, which makes `script a b ACTION` of `script::a::b`, and
splits at blanks: a value with a blank, "::", "#" or "*" in it goes into the instance's file.
"""

from __future__ import annotations

import os

from ocf_lib.declare import credentials
from ocf_lib.outcomes import InvalidHere, Misconfigured, Outcome, Unimplemented
from ocf_lib.state import secretfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PREFIX = "openstack-"
USAGE = "usage: {} [INSTANCE] [NAME=VALUE ...] start|stop|status|restart|force-reload|pcs"
PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."
LONGEST_NAME = 100
# "op_start_timeout = 120": how long an action may take, in seconds
TIMEOUT = "op_{}_timeout"
SECRETS = {parameter.name for parameter in credentials.CREDENTIALS if parameter.secret}


class NeverStarted(Outcome):
    """The words name no instance that start would take, so there is nothing of it."""

    code = 2


class Call:
    """program: as it was called, openstack-AGENT. words: the rest of the command line. environ: of
    the caller.

    instance: the first word, the agent's name where that is missing. values: parameters and times
    by name, once `read` has found them.
    """

    def __init__(self, program: str, words: Sequence[str], environ: Mapping[str, str]) -> None:
        """Raises Unimplemented where a word or the agent's name is missing."""
        if not words or not program.startswith(PREFIX):
            raise Unimplemented(USAGE.format(program if words else PREFIX + "AGENT"))
        *given, self.action = words
        self.agent = program[len(PREFIX) :]
        is_named = bool(given) and "=" not in given[0]
        self.instance = given[0] if is_named else self.agent
        self.words = given[1:] if is_named else given
        self.file = f"{environ.get('HA_DIR') or '/etc/ha.d'}/openstack/{self.instance}.conf"
        self.values: dict[str, str] = {}

    def check_name(self) -> None:
        """Raises NeverStarted where the instance's name is none that a file could have."""
        name = self.instance
        is_plain = set(name) <= set(PLAIN) and name.strip(".")
        if not is_plain or len(name) > LONGEST_NAME:
            raise NeverStarted(
                f"{name!r} is no name for an instance: up to {LONGEST_NAME} letters, digits, '_', "
                f"'-' and '.', such as p_{self.agent}"
            )

    def read(self) -> None:
        """Find the values. What a word says counts more than what the file says.

        Raises InvalidHere for a word that is not name=value; Misconfigured for such a line, and for
        a file that cannot be read or that others can get at.
        """
        said = {}
        for word in self.words:
            try:
                name, value = _assignment(word)
            except ValueError as error:
                raise InvalidHere(f"word {word!r} {error}") from None
            said[name] = value
        if os.path.lexists(self.file):
            try:
                text, exposure = secretfile.read(self.file, f"the parameters of {self.instance}")
            except InvalidHere as outcome:
                raise Misconfigured(str(outcome)) from None
            if exposure:
                raise Misconfigured(exposure)
            self.values = self._lines(text)
        self.values.update(said)

    def _lines(self, text: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for number, line in enumerate(text.split("\n"), 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            # the line is not shown: it may be the second half of a password
            where = f"line {number} of {self.file}"
            try:
                name, value = _assignment(line)
            except ValueError as error:
                raise Misconfigured(f"{where} {error}") from None
            if name in found:
                raise Misconfigured(f"{where} gives {name} for the second time")
            found[name] = value
        return found

    def check(self, known: set[str]) -> None:
        """known: the parameters that the agent takes, empty where that cannot be told. Raises
        Misconfigured for one that it does not, and for a time that is none."""
        for name, value in self.values.items():
            if _names_time(name):
                if not _is_time(value):
                    raise Misconfigured(f"{name} must be whole seconds, such as 120, not {value!r}")
            elif known and name not in known:
                raise Misconfigured(
                    f"{PREFIX}{self.agent} has no parameter {name}: see man "
                    f"ocf_openstack_{self.agent}"
                )

    @property
    def parameters(self) -> dict[str, str]:
        """What is for the agent."""
        return {name: value for name, value in self.values.items() if not _names_time(name)}

    def seconds(self, action: str, usual: int) -> int:
        """How long the action may take: as the values say, or else as usual."""
        given = self.values.get(TIMEOUT.format(action), "")
        return int(given) if _is_time(given) else usual

    def secrets(self) -> list[str]:
        """The values that nobody may see."""
        return [value for name, value in self.values.items() if name in SECRETS]


def _assignment(text: str) -> tuple[str, str]:
    name, sign, value = (part.strip() for part in text.partition("="))
    if not sign or not name or "\0" in text:
        raise ValueError("is not of the form name=value")
    return name, value


def _names_time(name: str) -> bool:
    before, after = TIMEOUT.split("{}")
    return name.startswith(before) and name.endswith(after)


def _is_time(text: str) -> bool:
    return text.isdecimal() and len(text) < 10 and int(text) > 0
