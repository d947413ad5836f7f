"""Whole numbers in text that somebody else wrote."""

from __future__ import annotations


def whole(text: str | None, digits: int = 15) -> int | None:
    """The number that `text` holds; None unless it is 1 to `digits` decimal digits.

    int() raises ValueError for more than 4300 digits since Python 3.11. That must not fail a stop.
    """
    return int(text) if text and text.isdecimal() and len(text) <= digits else None


def port(text: str, usual: int) -> int:
    """A port as it is written in a URL or an option; `usual` if `text` is no number."""
    number = whole(text, 5)
    return usual if number is None else number
