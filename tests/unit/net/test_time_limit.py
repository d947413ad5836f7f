"""A time limit over work that has none of its own."""

from __future__ import annotations

import threading
import time

import pytest

from ocf_lib.net.http import Idle
from ocf_lib.net.time_limit import TooLongError, within


class PanicError(BaseException):
    """As a library that is not written in Python may raise it (pyo3's PanicException)."""


def test_the_result() -> None:
    assert within(10, lambda: 42) == 42
    assert within(10, lambda: None) is None


@pytest.mark.parametrize("error", [ValueError("x"), PanicError("x")])
def test_what_it_raises(error: BaseException, capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        within(10, fail)
    assert caught.value is error
    assert capfd.readouterr().err == "", "no traceback of a thread"


def test_what_takes_too_long() -> None:
    gone = threading.Event()
    began = time.monotonic()
    with pytest.raises(TooLongError):
        within(0.2, lambda: gone.wait(60))
    assert time.monotonic() - began < 30
    gone.set()


def test_what_gets_more_time() -> None:
    granted: list[float] = []
    gone = threading.Event()

    class Grants(Idle):
        def more(self, seconds: float, took: float) -> float:
            granted.append(took)
            gone.set()
            return 10.0

    assert within(0.1, lambda: gone.wait(60), Grants(lambda: None))
    assert granted[0] >= 0.1
    assert len(granted) == 1
