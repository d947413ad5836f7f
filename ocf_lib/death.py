"""The name under which sentinels that an earlier 1.0.0 started look for `sentinel.report`.

Such a sentinel lives as long as its daemon. An upgrade must not make it mute.
"""

from __future__ import annotations

from ocf_lib.sentinel import report as _report


def report(name: str, record: str, pid: int, start: int, status: int) -> None:
    """As sentinel.report.report."""
    _report.report(name, record, pid, start, status)
