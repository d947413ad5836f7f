"""Only for sentinels that an earlier 1.0.0 started: they import this name for `sentinel.report`.

Such a sentinel lives as long as its daemon. After an upgrade it must still report a crash.
"""

from __future__ import annotations

from ocf_lib.sentinel import report as _report


def report(name: str, record: str, pid: int, start: int, status: int) -> None:
    """The same as sentinel.report.report."""
    _report.report(name, record, pid, start, status)
