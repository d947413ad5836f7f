"""JSON for the log-in of the frequent monitor. Source: RFC 8259.

The standard library's scanner without its front, `json`, whose import costs as much as a whole
monitor (10 ms). For text that is no JSON, and in an interpreter without that part, `json` does the
work: the scanner alone cannot tell what is wrong.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Usual:
    """What json.loads tells the scanner, too."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int, parse_constant = float, int, float

    def __init__(self) -> None:
        self.memo: dict[str, str] = {}


def parse(text: str) -> Any:
    """The value that `text` holds. Raises ValueError if it is no JSON."""
    text = text.strip(" \t\n\r")
    try:
        from _json import make_scanner

        context: Any = _Usual()
        value, end = make_scanner(context)(text, 0)
        if end == len(text):
            return value
    except (ImportError, StopIteration, SystemError, ValueError, RecursionError):
        pass
    import json

    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("too many levels for JSON") from None


def render(value: Any) -> str:
    """JSON of dictionaries, lists and strings."""
    try:
        from _json import encode_basestring_ascii as quoted
    except ImportError:
        import json

        return json.dumps(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{quoted(n)}:{render(v)}" for n, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(render, value)) + "]"
    return str(quoted(value))
