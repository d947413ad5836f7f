"""A user of the cloud, who asks each of its services ten times a second at the virtual address.

Run as a program (see tests/bed/attempts.py), it is that user. Its input is the URL of Identity, the
body of the log-in request, and the questions. It takes one token for all of them. Then it asks each
question independently of the others, each time over a new connection, as another user would.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests import pace
from tests.bed.attempts import Attempt, Attempts, repeat

if TYPE_CHECKING:
    from tests.bed.bed import Bed

PAUSE = 0.1
# A request without an answer by then has failed: the 2 s that the paper allows a failover.
TIMEOUT = 2.0
# Requests that hang for TIMEOUT, and a few more.
AT_ONCE = int(TIMEOUT / PAUSE) + 5
# Time limit for the first token.
LOGIN_SECONDS = 60.0
# The header that names the node that answered, set by the balancer.
WHO = "X-Served-By"


@dataclass(frozen=True)
class Question:
    """A request of the user: a GET of the URL with a token or, without a URL, a log-in.

    name: what is asked for. agent: of the service that answers; its resource is named after it.
    """

    name: str
    agent: str
    url: str | None = None

    @property
    def resource(self) -> str:
        return f"p_{self.agent}"


class User(Attempts):
    """Starts the client. identity: Identity's URL without a version. login: the body to post."""

    def __init__(
        self, bed: Bed, identity: str, login: object, questions: Sequence[Question]
    ) -> None:
        self.questions = tuple(questions)
        told = {
            "identity": identity,
            "login": json.dumps(login),
            "questions": [asdict(question) for question in questions],
        }
        super().__init__(bed, __name__, told)

    def answers_since(self, moment: float, count: int) -> bool:
        """Were the last `count` attempts at each question, all begun after `moment`, good?"""
        for question in self.questions:
            those = [a for a in list(self.attempts) if a.of == question.name and a.begun > moment]
            if len(those) < count or any(attempt.error for attempt in those[-count:]):
                return False
        return True

    def those(self, question: Question) -> list[Attempt]:
        """Return the attempts at one question."""
        return [attempt for attempt in list(self.attempts) if attempt.of == question.name]


def longest_gap(attempts: Iterable[Attempt], since: float, until: float) -> float:
    """Return the longest time without a good answer between `since` and `until`, in seconds. The
    first gap begins with the last good answer before `since`; the last one ends at `until`."""
    came = sorted(each.ended for each in attempts if not each.error and each.ended <= until)
    before = [at for at in came if at < since][-1:] or [since]
    marks = [*before, *(at for at in came if at >= since), until]
    return max(after - at for at, after in zip(marks, marks[1:]))


def failed(attempts: Iterable[Attempt], since: float, until: float) -> list[Attempt]:
    """Return the failed attempts that ended after `since` and had begun by `until`."""
    return [each for each in attempts if each.error and each.ended > since and each.begun <= until]


def recovery(attempts: Sequence[Attempt], since: float, until: float) -> float | None:
    """Return the seconds from `since` to the first good answer to a request begun after the last
    failure; None if nothing failed, or nothing was answered afterwards."""
    bad = failed(attempts, since, until)
    if not bad:
        return None
    last = max(each.begun for each in bad)
    good = [each.ended for each in attempts if not each.error and each.begun > last]
    return min(good) - since if good else None


# The program.


def ask(
    url: str, headers: dict[str, str], body: str | None = None, of: str = ""
) -> tuple[Attempt, str]:
    """Send one request; return the attempt, and the token in the answer, if there is one."""
    begun, error, by, token = time.time(), "", "", ""
    parts = urlsplit(url)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT)
    try:
        connection.request("POST" if body else "GET", path, body, headers)
        answer = connection.getresponse()
        answer.read()
        by, token = answer.getheader(WHO, ""), answer.getheader("X-Subject-Token", "")
        if not 200 <= answer.status < 300:
            error = f"HTTP {answer.status}"
        elif body and not token:
            error = "no token in the answer"
    except (OSError, http.client.HTTPException) as fault:
        error = str(fault) or type(fault).__name__
    finally:
        connection.close()
    ended = time.time()
    # each wait for the socket was short, but their sum was not
    if not error and ended - begun > TIMEOUT:
        error = f"answered after {ended - begun:.1f} s"
    return Attempt(begun, ended, error, of, by), token


def main() -> None:
    told = json.loads(sys.stdin.readline())
    login = f"{told['identity']}/v3/auth/tokens"
    plain = {"Content-Type": "application/json", "Connection": "close"}
    body = told["login"]
    token, until = "", time.monotonic() + pace.seconds(LOGIN_SECONDS)
    while not token:
        first, token = ask(login, plain, body)
        if first.error and time.monotonic() > until:
            sys.exit(f"no token for the client within {LOGIN_SECONDS:g} s: {first.error}")
        time.sleep(0 if token else PAUSE)

    def attempt(question: Question) -> Attempt:
        if question.url is None:
            return ask(login, plain, body, question.name)[0]
        return ask(question.url, {**plain, "X-Auth-Token": token}, None, question.name)[0]

    questions = [Question(**each) for each in told["questions"]]
    repeat([partial(attempt, question) for question in questions], lambda: PAUSE, AT_ONCE)


if __name__ == "__main__":
    main()
