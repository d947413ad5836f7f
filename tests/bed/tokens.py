"""A client of the cluster that asks Keystone for a token again and again.

Run as a program (see attempts.py), it is that client. Its input has the keys auth_url, username,
password and project_name.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

from tests import pace

from .attempts import Attempt, Attempts, repeat

if TYPE_CHECKING:
    from .bed import Bed

# On a quiet machine, an attempt begins every PAUSE seconds, even if others hang, so the time of the
# next token is known to within PAUSE. An attempt that hangs ends after TIMEOUT seconds. Both grow
# with the machine's lateness (the pause up to LONGEST_PAUSE): otherwise the attempts would keep a
# busy machine busy.
PAUSE, LONGEST_PAUSE, TIMEOUT = 0.5, 5.0, 10.0
AT_ONCE = 25


def pause() -> float:
    """The seconds from one attempt to the next, on this machine."""
    return min(pace.seconds(PAUSE), LONGEST_PAUSE)


class TokenClient(Attempts):
    """Starts the client and collects its attempts, in the order in which they ended."""

    def __init__(self, bed: Bed, auth_url: str, username: str, password: str, project: str) -> None:
        login = {
            "auth_url": auth_url,
            "username": username,
            "password": password,
            "project_name": project,
        }
        super().__init__(bed, __name__, login)

    def token_since(self, moment: float) -> Attempt | None:
        """The first token that was requested after `moment`, None until there is one."""
        tokens = [a for a in list(self.attempts) if not a.error and a.begun > moment]
        return min(tokens, key=lambda attempt: attempt.ended, default=None)

    def back_since(self, moment: float) -> Attempt | None:
        """The token that ended the outage after `moment`: the first after the last failure."""
        failed = [a.begun for a in list(self.attempts) if a.error and a.begun > moment]
        return self.token_since(max(failed, default=moment))


def ask(login: dict[str, str]) -> Attempt:
    """Log in once, from scratch, as a new client would."""
    from keystoneauth1 import exceptions, session
    from keystoneauth1.identity import generic
    from keystoneclient import client

    begun, error = time.time(), ""
    try:
        domain = {"user_domain_name": "Default", "project_domain_name": "Default"}
        visit = session.Session(
            auth=generic.Password(**login, **domain), timeout=pace.seconds(TIMEOUT)
        )
        # Client discovers the versions that Keystone offers and uses the best, v3.
        keystone = client.Client(session=visit, auth_url=login["auth_url"])
        if not keystone.session.get_token():
            error = "no token in the answer"
    except exceptions.ClientException as fault:
        error = " ".join(str(fault).split())[:200] or type(fault).__name__
    return Attempt(begun, time.time(), error)


def main() -> None:
    login = json.loads(sys.stdin.readline())
    logging.disable()  # keystoneauth would log what each attempt's error says already
    repeat([partial(ask, login)], pause, AT_ONCE)


if __name__ == "__main__":
    main()
