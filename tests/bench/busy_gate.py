"""A real API program with a gate before its application: while the gate is shut, no request gets
through.

The gate is a file. While somebody holds its lock (flock), all workers sleep in that lock: the
service is deadlocked. While the file says "spin", they spin.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The daemon runs this under its own user, without this checkout.
APPLICATION = """#!/usr/bin/python3
import fcntl
import runpy
import sys


class Gate:
    def __init__(self, application):
        self.application = application

    def __call__(self, environ, start_response):
        with open({gate!r}) as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            while file.read() == "spin":
                file.seek(0)
        return self.application(environ, start_response)


"""
UNDER_UWSGI = "application = Gate(runpy.run_path({program!r})['application'])\n"
# glance-api takes its application from paste.deploy.
AS_PROGRAM = """from paste import deploy

load = deploy.loadapp
deploy.loadapp = lambda *given, **more: Gate(load(*given, **more))
sys.argv[0] = {program!r}
runpy.run_path({program!r}, run_name="__main__")
"""


class Gate:
    """The gate of one service. file: every request reads it. program: what the service runs."""

    def __init__(self, folder: Path, original: str, is_uwsgi: bool) -> None:
        """original: the path of the packaged program; for uwsgi, that of the WSGI script."""
        self.program = folder / Path(original).name
        self.file = self.program.with_suffix(".gate")
        self.file.write_text("")
        self.file.chmod(0o644)
        text = APPLICATION + (UNDER_UWSGI if is_uwsgi else AS_PROGRAM)
        self.program.write_text(text.format(gate=str(self.file), program=original))
        self.program.chmod(0o755)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Meanwhile all requests sleep in a lock."""
        with self.file.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def spinning(self) -> Iterator[None]:
        """Meanwhile all requests spin."""
        self.file.write_text("spin")
        try:
            yield
        finally:
            self.file.write_text("")
