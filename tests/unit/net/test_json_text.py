"""The lean reader and writer of JSON gives what the standard library's gives."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocf_lib.net import json_text

TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4)
)
QUESTIONS = st.recursive(
    TEXT, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4)
)


@given(value=VALUES, indent=st.sampled_from([None, 1]))
def test_what_json_writes_is_read(value: object, indent: int | None) -> None:
    assert json_text.parse(f" {json.dumps(value, indent=indent)}\r\n") == value


@given(value=QUESTIONS)
def test_what_is_written_is_json(value: object) -> None:
    assert json.loads(json_text.render(value)) == value


@given(text=st.text(max_size=30) | st.text(alphabet='{}[]",:0.e-ntf \\u', max_size=30))
def test_other_text_is_an_error_where_json_has_one(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError, match=""):
            json_text.parse(text)
    else:
        assert json_text.parse(text) == expected or expected != expected


def test_any_depth_is_a_value_or_an_error() -> None:
    with pytest.raises(ValueError, match="levels"):
        json_text.parse("[" * 200_000 + "]" * 200_000)


def test_an_interpreter_without_the_scanner_reads_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "_json", None)
    assert json_text.parse(json_text.render({"a": ["é", '"']})) == {"a": ["é", '"']}
