"""What the stand-in is told: an ini file, read anew at each request; and what it notes."""

from __future__ import annotations

import configparser
import os

DEFAULTS = {
    # where it notes what happens
    "folder": "",
    # the socket. listen: "never" for a daemon without one. reuse_port: another daemon may
    # listen there, too, as beside one of eventlet's. Times in seconds.
    "address": "127.0.0.1",
    "port": "5000",
    "listen": "",
    "reuse_port": "",
    "listen_after": "0",
    "answer_after": "0",
    "certificate": "",
    "key": "",
    # what it connects to and stays connected to, tried again and again, and again when it is lost:
    # PORT or ADDRESS/PORT each, read anew all the time. connect_after: seconds. connecting: who
    # does, parent or worker.
    "connect": "",
    "connect_after": "0",
    "connecting": "parent",
    # processes. sessions: each worker leads one. double_fork: workers are children of PID 1.
    # orphans: workers outlive the parent. abandon: the parent ends once they run. respawn: a worker
    # that died is replaced, respawn_after seconds.
    "workers": "2",
    "sessions": "",
    "double_fork": "",
    "orphans": "",
    "abandon": "",
    "respawn": "",
    "respawn_after": "0",
    # over arguments and environment: of all, of the parent once it has forked, of the workers
    "title": "",
    "title_of_parent": "",
    "title_of_workers": "",
    # helper: a program that makes its caller root (set-user-ID), in which one process more runs, as
    # oslo.privsep's does: root's, with nothing in its environment, a child of PID 1.
    "helper": "",
    # its end. words: printed at once. ignore: any of parent, worker, helper, SIGTERM, SIGINT.
    "words": "",
    "die": "",
    "die_by_signal": "",
    "die_after": "",
    "ignore": "",
    # hoard: MiB that it takes at SIGUSR1.
    "hoard": "0",
    # what its parent does at SIGHUP: reread its configuration and note `word`; renew its workers
    # (renewal: seconds without any) or relieve them (so long the old ones go on); die; move into
    # another process. It ends of it where none of these is set.
    "hup": "",
    "word": "",
    "renewal": "0",
    # linger: seconds that its orderly end takes. last_gasp: one more worker is forked then.
    "linger": "0",
    "last_gasp": "",
    # what it answers: api is v3 or grizzly; mode as in answers.py; revoked: tokens older than this
    # time are refused
    "api": "v3",
    "mode": "ok",
    "lifetime": "3600",
    "revoked": "0",
    "username": "admin",
    "user_id": "u1",
    "password": "",
    "domain": "Default",
    "domain_id": "default",
    "project": "admin",
    "project_id": "p1",
    "application_id": "a1",
    "application_secret": "",
    "region": "RegionOne",
    # rows of Compute's list of services, as JSON
    "services": "[]",
}


class Settings:
    """The section [standin] of the file at `path`, with the defaults above; [modes] holds a mode
    for single requests, such as `POST /v3/auth/tokens = hang`."""

    def __init__(self, path: str) -> None:
        self.path = path
        parser = configparser.RawConfigParser(delimiters=("=",))
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
        self.values = {**DEFAULTS, **dict(parser["standin"])}
        self.modes = dict(parser["modes"]) if parser.has_section("modes") else {}

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def note(self, line: str) -> None:
        """One line more in the journal; whole, whoever else writes (O_APPEND)."""
        name = os.path.join(self["folder"], "journal")
        descriptor = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        os.write(descriptor, (line + "\n").encode())
        os.close(descriptor)

    def keep(self, name: str, text: str) -> None:
        path = os.path.join(self["folder"], name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)
