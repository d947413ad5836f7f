"""What an operator may set: declared once, with a type, and read from OCF_RESKEY_*."""

from __future__ import annotations

from ocf_lib.outcomes import Misconfigured

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

TRUE = ("yes", "true", "1", "on", "ja", "y", "t")
FALSE = ("no", "false", "0", "off", "nein", "n", "f")


class String:
    """Any text on one line."""

    content = "string"

    def parse(self, text: str) -> Any:
        """The value that `text` stands for. Raises ValueError that says what would be right."""
        if "\n" in text or "\0" in text:
            raise ValueError("must be a single line")
        return text


class Integer(String):
    """A whole number between `lowest` and `highest`."""

    content = "integer"

    def __init__(self, lowest: int = 0, highest: int = 2**31 - 1) -> None:
        self.lowest, self.highest = lowest, highest

    def parse(self, text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = self.lowest - 1
        if not self.lowest <= number <= self.highest:
            raise ValueError(f"must be a whole number from {self.lowest} to {self.highest}")
        return number


class Port(Integer):
    """A TCP port."""

    def __init__(self) -> None:
        super().__init__(1, 65535)


class Boolean(String):
    """The words that ocf_is_true of resource-agents takes, in any case, and their opposites."""

    content = "boolean"

    def parse(self, text: str) -> bool:
        word = text.lower()
        if word in TRUE:
            return True
        if word in FALSE:
            return False
        raise ValueError("must be true or false (yes/no, on/off, 1/0)")


class Select(String):
    """One of several words. pcs does not check them, so the agent does."""

    content = "select"

    def __init__(self, *choices: str) -> None:
        self.choices = choices

    def parse(self, text: str) -> str:
        if text not in self.choices:
            raise ValueError("must be one of " + ", ".join(self.choices))
        return text


class Path(String):
    """An absolute path."""

    def parse(self, text: str) -> str:
        if super().parse(text)[:1] != "/":
            raise ValueError("must be an absolute path, such as /etc/keystone/keystone.conf")
        return text


class Url(String):
    """An http or https URL with a host."""

    def parse(self, text: str) -> str:
        from ocf_lib.net.endpoint import Endpoint

        Endpoint.parse(super().parse(text))
        return text


class Parameter:
    """One declared parameter.

    name: as in OCF_RESKEY_name; it may hold a blank ("plugin config").
    kind: one of the types above. default: as text, as it stands in the meta-data.
    reloadable: a change takes effect without a restart of the daemon.
    unique_group: instances on one node clash when all parameters of a group agree.
    deprecated: what to use in its place, "" if it does nothing any more, None if it is current.
    replaced_by: the name of the parameter that has its meaning now.
    secret: never shown, not even in an error.
    """

    def __init__(
        self,
        name: str,
        kind: String,
        short: str,
        long: str,
        *,
        default: str | None = None,
        required: bool = False,
        reloadable: bool = False,
        unique_group: str | None = None,
        deprecated: str | None = None,
        replaced_by: str | None = None,
        secret: bool = False,
    ) -> None:
        self.name, self.kind, self.short, self.long = name, kind, short, long
        self.default, self.required, self.reloadable = default, required, reloadable
        self.unique_group, self.secret = unique_group, secret
        self.deprecated, self.replaced_by = deprecated, replaced_by

    def but(self, **changes: Any) -> Parameter:
        """The same parameter with some facts changed, for an agent that differs in them."""
        twin = Parameter(self.name, self.kind, self.short, self.long)
        twin.__dict__.update(self.__dict__, **changes)
        return twin


class Parameters:
    """The values of one call, parsed when they are asked for.

    strict: raise Misconfigured on a bad value (start, validate-all). Otherwise the default replaces
    a bad value: stop and monitor must judge what runs, whatever the configuration says now.
    """

    def __init__(
        self, declared: Iterable[Parameter], environ: Mapping[str, str], strict: bool
    ) -> None:
        self.declared = {parameter.name: parameter for parameter in declared}
        self.environ, self.strict = environ, strict
        # for each parameter its own name first, then the older ones
        self._names = {name: [name] for name in self.declared}
        for parameter in self:
            if parameter.replaced_by:
                self._names[parameter.replaced_by].append(parameter.name)

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.declared.values())

    def __getitem__(self, name: str) -> Any:
        parameter = self.declared[name]
        text = self.text(parameter)
        if not text:
            if parameter.required and self.strict:
                raise Misconfigured(f"parameter {name} is required: {parameter.short}")
            return None
        try:
            return parameter.kind.parse(text)
        except ValueError as error:
            if not self.strict:
                return parameter.default and parameter.kind.parse(parameter.default)
            # repr() may change a secret, so that a log that masks it would not know it
            is_secret = parameter.secret or any(secret in text for secret in self.secrets())
            shown = "its value" if is_secret else repr(text)
            raise Misconfigured(f"parameter {self.written(name)} {error}, not {shown}") from None

    def get(self, name: str) -> Any:
        """The value, None if it has none or if this agent has no such parameter."""
        return self[name] if name in self.declared else None

    def text(self, parameter: Parameter) -> str:
        """As the caller wrote it, or the default, or "". An empty value counts as unset. A value
        under an older name counts if the current name is unset."""
        names = self._names[parameter.name]
        for name in names:
            if given := self.environ.get("OCF_RESKEY_" + name):
                return given
        for name in names:
            if default := self.declared[name].default:
                return default
        return ""

    def is_set(self, name: str) -> bool:
        """Whether the caller gave a value, under this name or an older one."""
        return name in self.declared and any(map(self._is_given, self._names[name]))

    def written(self, name: str) -> str:
        """The name under which the caller gave the value: this one or an older one."""
        return next(filter(self._is_given, self._names[name]), name)

    def _is_given(self, name: str) -> bool:
        return bool(self.environ.get("OCF_RESKEY_" + name))

    def secrets(self) -> list[str]:
        """The values that must not appear in any output."""
        return [text for p in self if p.secret and (text := self.text(p))]

    def check(self) -> None:
        """Parse every value. Raises Misconfigured at the first bad one."""
        for parameter in self:
            self[parameter.name]
