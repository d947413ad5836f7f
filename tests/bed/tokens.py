"""A client of the cluster that asks Keystone for a token again and again.

Run as a program, on the client's side of a bed's network, it is that client: its first line of
input is JSON (auth_url, username, password, project_name), and it prints one line of JSON for
each attempt, until its input ends. No command line ever holds the password.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .bed import Bed

# An attempt begins every PAUSE seconds, whatever became of the others: that is how exactly the
# time of the next token is known. One that hangs ends after TIMEOUT.
PAUSE, TIMEOUT = 0.5, 10.0
AT_ONCE = 25


@dataclass(frozen=True)
class Attempt:
    """One request for a token, in seconds since 1970; error is empty if there was a token."""

    begun: float
    ended: float
    error: str


class TokenClient:
    """Starts the client and collects its attempts, in the order in which they ended."""

    def __init__(self, bed: Bed, auth_url: str, username: str, password: str, project: str) -> None:
        self.attempts: list[Attempt] = []
        self.process = subprocess.Popen(
            [*bed.enter_client(), sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        login = {
            "auth_url": auth_url,
            "username": username,
            "password": password,
            "project_name": project,
        }
        assert self.process.stdin
        self.process.stdin.write(json.dumps(login) + "\n")
        self.process.stdin.flush()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.attempts.append(Attempt(**json.loads(line)))

    def stop(self) -> None:
        """End the client."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait(10)
        self.reader.join(10)
        self.process.stdout.close()

    def token_since(self, moment: float) -> Attempt | None:
        """The first token that was asked for after `moment`, None until there is one."""
        tokens = [a for a in list(self.attempts) if not a.error and a.begun > moment]
        return min(tokens, key=lambda attempt: attempt.ended, default=None)

    def back_since(self, moment: float) -> Attempt | None:
        """The token that ended the outage after `moment`: the first after the last failure."""
        failed = [a.begun for a in list(self.attempts) if a.error and a.begun > moment]
        return self.token_since(max(failed, default=moment))

    def last_error(self) -> str:
        """What the latest failed attempt said."""
        return next((a.error for a in reversed(self.attempts) if a.error), "none")


def ask(login: dict[str, str], slots: threading.Semaphore) -> None:
    """Log in once, from scratch as a new client would, and print the attempt."""
    from keystoneauth1 import exceptions, session
    from keystoneauth1.identity import generic
    from keystoneclient import client

    begun, error = time.time(), ""
    try:
        domain = {"user_domain_name": "Default", "project_domain_name": "Default"}
        visit = session.Session(auth=generic.Password(**login, **domain), timeout=TIMEOUT)
        # Client discovers which versions Keystone offers and is the client of the best, v3.
        keystone = client.Client(session=visit, auth_url=login["auth_url"])
        if not keystone.session.get_token():
            error = "no token in the answer"
    except exceptions.ClientException as fault:
        error = " ".join(str(fault).split())[:200] or type(fault).__name__
    finally:
        slots.release()
    attempt = {"begun": begun, "ended": time.time(), "error": error}
    # One write: print() would write the line's end apart, and mix the lines of two threads.
    os.write(1, json.dumps(attempt).encode() + b"\n")


def main() -> None:
    login = json.loads(sys.stdin.readline())
    logging.disable()  # keystoneauth reports what each attempt's error says already

    def end_with_input() -> None:
        sys.stdin.read()
        os._exit(0)  # without waiting for attempts that hang

    threading.Thread(target=end_with_input, daemon=True).start()
    slots = threading.Semaphore(AT_ONCE)
    while True:
        if slots.acquire(blocking=False):
            threading.Thread(target=ask, args=(login, slots), daemon=True).start()
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
