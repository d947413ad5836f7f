"""A client that asks Keystone for a token with one request, and then for the next.

Run as a program, it is that client (see tests/bed/attempts.py). It is as light as a client can be,
and never has two requests at a time: whoever waits in a queue before a Keystone that starts makes
it slower for all others. Its input has the keys host, port and body.
"""

from __future__ import annotations

import http.client
import json
import select
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from tests.bed.attempts import Attempt, Attempts
from tests.bed.tokens import TokenClient

if TYPE_CHECKING:
    from tests.bed.bed import Bed

PATH = "/v3/auth/tokens"
# Seconds until the next attempt: after a token, after a failure.
PAUSE, RETRY = 1.0, 0.05
# A request may wait in the queue of a Keystone that starts.
TIMEOUT = 120.0


class Client(TokenClient):
    """Starts the client and collects its attempts, in the order in which they ended."""

    def __init__(self, bed: Bed, host: str, port: int, name: str, password: str) -> None:
        domain = {"name": "Default"}
        user = {"name": name, "password": password, "domain": domain}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"name": name, "domain": domain}}
        body = {"auth": {"identity": identity, "scope": scope}}
        Attempts.__init__(self, bed, __name__, {"host": host, "port": port, "body": body})


def ask(host: str, port: int, body: str) -> Attempt:
    """Log in once, over a new connection."""
    begun, error = time.time(), ""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    try:
        connection.request("POST", PATH, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 201 or not answer.getheader("X-Subject-Token"):
            error = f"HTTP {answer.status}"
    except (OSError, http.client.HTTPException) as fault:
        error = str(fault) or type(fault).__name__
    finally:
        connection.close()
    return Attempt(begun, time.time(), error)


def main() -> None:
    told = json.loads(sys.stdin.readline())
    body = json.dumps(told["body"])
    pause = 0.0
    # its input ends when it is to end
    while not select.select([sys.stdin], [], [], pause)[0]:
        made = ask(told["host"], told["port"], body)
        print(json.dumps(asdict(made)), flush=True)
        pause = RETRY if made.error else PAUSE


if __name__ == "__main__":
    main()
