"""Which line of a daemon's output becomes the exit reason."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocf_lib.launch.last_words import says

RECORD = "2026-11-23 16:42:50.364 17367 ERROR nova"


def logged(*texts: str, prefix: str = RECORD) -> list[str]:
    return [f"{prefix} {text}" for text in texts]


def test_the_last_line_that_is_not_empty() -> None:
    assert says(["first", "ImportError: no module", "", "  "]) == "ImportError: no module"
    assert says([]) == ""


def test_of_a_log_record_its_text_without_time_and_request() -> None:
    assert (
        says(logged("[req-1 - - - - -] Unhandled error: no table")) == "Unhandled error: no table"
    )


def test_of_a_traceback_in_the_log_the_exception_and_not_the_end_of_its_message() -> None:
    lines = logged(
        "[None req-1 - -] Unhandled error: DBNonExistentTable",
        "Traceback (most recent call last):",
        '  File "/usr/bin/nova-conductor", line 10, in <module>',
        "    sys.exit(main())",
        "oslo_db.exception.DBNonExistentTable: no such table: services",
        "[SQL: SELECT services.binary ",
        "FROM services]",
        "\x1b[00m",
    )
    assert says(lines) == "oslo_db.exception.DBNonExistentTable: no such table: services"


def test_a_traceback_that_was_survived_is_not_the_end() -> None:
    lines = logged("Traceback (most recent call last):", "    code", "OldError: mended")
    last = "2026-11-23 16:42:51.000 17367 CRITICAL nova port 8774 is taken"
    assert says([*lines, last]) == "port 8774 is taken"


@given(
    st.lists(st.one_of(st.text(max_size=20), st.text(max_size=9).map(lambda t: f"{RECORD} {t}")))
)
def test_any_output_gives_one_line_and_says_something_where_it_did(lines: list[str]) -> None:
    line = says(lines)
    assert "\n" not in line or any("\n" in given for given in lines)
    assert bool(line) == any(given.strip() for given in lines)
