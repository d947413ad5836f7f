"""Parses one call of a shim: the instance, its parameters, the action.

Source: ResourceManager of heartbeat 3.0.6. It turns `script::a::b` into `script a b ACTION` and
splits at spaces. A value that contains a space, "::", "#" or "*" belongs in the instance's file.
"""

from __future__ import annotations

import os

from ocf_lib import numbers
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
# the timeout of an action in seconds, as in "op_start_timeout = 120"
TIMEOUT = "op_{}_timeout"
SECRETS = {parameter.name for parameter in credentials.CREDENTIALS if parameter.secret}


class NeverStarted(Outcome):
    """The name of the instance is invalid: start refuses it, so no such instance can run."""

    code = 2


class Call:
    """One call of a shim.

    program: the name it was called by, openstack-AGENT. words: the rest of the command line.
    environ: the caller's environment. instance: the first word, or the agent's name if there is
    none. values: parameters and timeouts by name, filled in by `read`.
    """

    def __init__(self, program: str, words: Sequence[str], environ: Mapping[str, str]) -> None:
        """Raises Unimplemented if the action or the agent's name is missing."""
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
        """Raises NeverStarted if the instance's name cannot be part of a file name."""
        name = self.instance
        is_plain = set(name) <= set(PLAIN) and name.strip(".")
        if not is_plain or len(name) > LONGEST_NAME:
            raise NeverStarted(
                f"{name!r} is no name for an instance: use up to {LONGEST_NAME} letters, digits, "
                f"'_', '-' and '.', such as p_{self.agent}"
            )

    def read(self) -> None:
        """Reads the values from the command line and the file; the command line takes precedence.

        Raises InvalidHere if a word is not name=value. Raises Misconfigured if a line of the file
        is not name=value, if the file cannot be read, or if other users can read or change it.
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
            # the message does not show the line: it may be the second half of a password
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
        """Raises Misconfigured for a parameter that the agent does not have, or a bad timeout.

        known: the agent's parameters, empty if they could not be read.
        """
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
        """The parameters for the agent, without timeouts."""
        return {name: value for name, value in self.values.items() if not _names_time(name)}

    def seconds(self, action: str, usual: int) -> int:
        """How many seconds the action may take: as configured, otherwise `usual`."""
        given = self.values.get(TIMEOUT.format(action), "")
        return int(given) if _is_time(given) else usual

    def secrets(self) -> list[str]:
        """The values that must not appear in any output."""
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
    return bool(numbers.whole(text, 9))
