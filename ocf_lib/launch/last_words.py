"""What a daemon printed, and the one line in it that says why the daemon ended."""

from __future__ import annotations

import os
import re

from ocf_lib.state import files

# Enough for the end of a traceback.
TAIL = 4096
COLOUR = re.compile(r"\x1b\[[\d;]*m")
# What oslo.log puts before each line of a record, and of a traceback in it: time, PID, level,
# logger and, in the first line, the request.
RECORD = re.compile(r"(\d{4}-\d\d-\d\d [\d:.]+ \d+ [A-Z]+ [\w.-]+) ?(?:\[[^]]*\] )?(.*)")


class Printed:
    """A file that receives a daemon's output. path: "" unless the daemon opens the file itself.
    descriptor: -1 unless we opened it. size: how many bytes were in it before the start."""

    def __init__(self, path: str, descriptor: int, size: int) -> None:
        self.path, self.descriptor, self.size = path, descriptor, size

    def last_line(self, uid: int) -> str:
        """What the daemon said last since then, "" for nothing. A file that the daemon opened is
        read only if `uid`, the daemon's user, owns it: its configuration may name any file, and we
        read as root."""
        if not self.path:
            return _last_words(self.descriptor, self.size)
        try:
            descriptor = files.open_owned(self.path, uid)
        except OSError:
            return ""
        try:
            return _last_words(descriptor, self.size)
        finally:
            os.close(descriptor)


def size_of(path: str) -> int:
    """In bytes, 0 if there is no such file."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _last_words(descriptor: int, size: int) -> str:
    end = os.fstat(descriptor).st_size
    begin = max(min(size, end), end - TAIL)
    text = os.pread(descriptor, TAIL, begin).decode("utf-8", "replace")
    return says(text.splitlines())


def says(lines: list[str]) -> str:
    """The last line that is not empty. If it belongs to a traceback in a record of oslo.log, the
    line that names the exception instead: the message may go on for pages (SQL)."""
    lines = [text.rstrip() for line in lines if (text := COLOUR.sub("", line)).strip()]
    if not lines:
        return ""
    last = RECORD.fullmatch(lines[-1])
    if last is None:
        return lines[-1].strip()
    record: list[str] = []
    for line in reversed(lines):
        found = RECORD.fullmatch(line)
        if found is None or found[1] != last[1]:
            break
        record.insert(0, found[2])
    said = [text for text in record if text.strip()]
    code = [number for number, text in enumerate(said) if text[0] == " "]
    after = said[code[-1] + 1 :] if code else said[-1:]
    return (after or said or [lines[-1]])[0].strip()
