"""The stand-in's configuration (an ini file, read again at each request) and its journal."""

from __future__ import annotations

import configparser
import os

DEFAULTS = {
    # where it writes its journal
    "folder": "",
    # the socket. listen: "never" for a daemon without one. reuse_port: another daemon may listen
    # there too, as eventlet allows. Times in seconds.
    "address": "127.0.0.1",
    "port": "5000",
    "listen": "",
    "reuse_port": "",
    "listen_after": "0",
    "answer_after": "0",
    "certificate": "",
    "key": "",
    # the servers to which it stays connected: PORT or ADDRESS/PORT each. It retries and reconnects,
    # and reads the list again all the time. connect_after: seconds. connecting: the process that
    # connects, parent or worker.
    "connect": "",
    "connect_after": "0",
    "connecting": "parent",
    # processes. sessions: each worker leads its own session. double_fork: workers are children of
    # PID 1. orphans: workers outlive the parent. abandon: the parent ends once they run. respawn: a
    # worker that died is replaced after respawn_after seconds.
    "workers": "2",
    "sessions": "",
    "double_fork": "",
    "orphans": "",
    "abandon": "",
    "respawn": "",
    "respawn_after": "0",
    # a process title, written over arguments and environment: of all processes, of the parent after
    # it has forked, of the workers
    "title": "",
    "title_of_parent": "",
    "title_of_workers": "",
    # helper: a set-user-ID program with which one more process becomes root, as in oslo.privsep. It
    # has an empty environment and is a child of PID 1.
    "helper": "",
    # its end. words: printed at launch. die: exit code. die_after: seconds. ignore: any of parent,
    # worker, helper, SIGTERM, SIGINT.
    "words": "",
    "die": "",
    "die_by_signal": "",
    "die_after": "",
    "ignore": "",
    # hoard: MiB of memory that it takes at SIGUSR1.
    "hoard": "0",
    # what the parent does at SIGHUP. "" ends it; "ignore" ignores the signal. Any other value: it
    # reads its configuration again and notes `word`. Then "renew" ends the workers and forks new
    # ones after `renewal` seconds, "relieve" keeps the old ones for `renewal` seconds and then
    # replaces them, "die" exits, "move" continues in another process.
    "hup": "",
    "word": "",
    "renewal": "0",
    # linger: seconds that an orderly end takes. last_gasp: it forks one more worker meanwhile.
    "linger": "0",
    "last_gasp": "",
    # its answers. api: v3 or grizzly. mode: as in answers.py. lifetime: seconds that a token lasts.
    # revoked: tokens older than this time are refused
    "api": "v3",
    "mode": "ok",
    "lifetime": "14400",
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
    """The section [standin] of the file at `path`, with the defaults above. [modes] holds a mode
    for a single request, such as `POST /v3/auth/tokens = hang`."""

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
        """Append a line to the journal. O_APPEND keeps it whole if other processes write too."""
        name = os.path.join(self["folder"], "journal")
        descriptor = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        os.write(descriptor, (line + "\n").encode())
        os.close(descriptor)

    def keep(self, name: str, text: str) -> None:
        path = os.path.join(self["folder"], name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)
