"""A hint that cannot be had decides nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ocf_lib.instance import Instance
from ocf_lib.launch import port_conflict

TAKEN = "OSError: [Errno 98] Address already in use: ('127.0.0.1', 1)"
BROKEN = [
    "raise ImportError('version conflict: the C extension was built for another version')",
    "def net_connections(kind):\n    raise OSError(13, 'Permission denied')",
    "def net_connections(kind):\n    raise RuntimeError('/proc is not mounted')",
]


@pytest.mark.parametrize("code", BROKEN)
def test_a_broken_psutil_is_no_reason(
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    instance_of: Callable[..., Instance],
) -> None:
    (tmp_path / "psutil.py").write_text(code + "\n")
    monkeypatch.delitem(sys.modules, "psutil", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert port_conflict.explain(TAKEN, instance_of(), ["/usr/bin/demo-daemon"]) == ""


def test_words_that_are_not_about_a_port(instance_of: Callable[..., Instance]) -> None:
    words = "sqlite3.OperationalError: unable to open database file"
    assert port_conflict.explain(words, instance_of(), ["/usr/bin/demo-daemon"]) == ""
