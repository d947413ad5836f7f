"""A log-in with a password or an application credential, in one request and without a library.

Source: OpenStack's Identity API reference, v3, "Authentication and token management": POST
/v3/auth/tokens, whose answer has the token in X-Subject-Token.
"""

from __future__ import annotations

from time import mktime, time

from ocf_lib.keystone.token import Token
from ocf_lib.net import failures, http, json_text
from ocf_lib.net.time_limit import TooLongError, within

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocf_lib.keystone.attempt import Attempt
    from ocf_lib.keystone.credentials import Credentials

PATH = "/v3/auth/tokens"
# Answers of a server that may know another way: an older Identity, one that has moved.
ELSEWHERE = (300, 301, 302, 303, 307, 308, 404, 405, 410, 501)


def issue(attempt: Attempt, account: str) -> Token | None:
    """A new token of `account`; None if the server has no Identity v3 at this place.

    Raises Degraded if the credentials are refused, Afflicted if Identity is down or answers with an
    error, Suspect if it does and is itself the service.
    """
    found = attempt.found
    body = json_text.render(_question(found)).encode()

    def post() -> http.Answer:
        return http.ask(
            attempt.at,
            PATH + "?nocatalog",
            attempt.longest,
            cacert=found.cacert or None,
            insecure=found.insecure,
            whole=True,
            body=body,
        )

    try:
        # in a thread: the host name may need a name server, which has no time limit of its own
        answer = within(attempt.seconds, post, attempt.idle)
    except (http.Silence, TooLongError):
        raise attempt.silent() from None
    except http.Untrusted:
        raise attempt.untrusted() from None
    except http.NoAnswer as error:
        if str(error) == failures.REFUSED:
            raise attempt.fault(f"{attempt.identity} {error} of a log-in") from None
        raise attempt.fault(f"{attempt.identity} failed a log-in: it {error}") from None
    if answer.status in ELSEWHERE:
        return None
    if answer.status == 401:
        raise attempt.refused()
    if answer.status >= 500:
        raise attempt.fault(f"{attempt.identity} answered {answer.status} to a log-in")
    if answer.status >= 400:
        raise attempt.impossible(f"HTTP {answer.status}{_message(answer)}")
    try:
        issued = _token(answer, account)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise attempt.nonsense(f"{type(error).__name__}: {error}") from None
    attempt.succeed()
    return issued


def _question(found: Credentials) -> dict[str, Any]:
    if found.is_application:
        identity: dict[str, Any] = {
            "methods": ["application_credential"],
            "application_credential": {
                "id": found.application_credential_id,
                "secret": found.application_credential_secret,
            },
        }
        return {"auth": {"identity": identity}}
    user = _named(found.user_id, found.username, found.user_domain_id, found.user_domain_name)
    user["password"] = found.password
    question = {"identity": {"methods": ["password"], "password": {"user": user}}}
    if found.project_id or found.project_name:
        domain = found.project_domain_id, found.project_domain_name
        question["scope"] = {"project": _named(found.project_id, found.project_name, *domain)}
    return {"auth": question}


def _named(number: str, name: str, domain_id: str, domain_name: str) -> dict[str, Any]:
    """A user or a project. An ID needs no domain."""
    if number:
        return {"id": number}
    if domain_id or domain_name:
        domain = {"id": domain_id} if domain_id else {"name": domain_name}
        return {"name": name, "domain": domain}
    return {"name": name}


def _token(answer: http.Answer, account: str) -> Token:
    """Raises KeyError, TypeError or ValueError for an answer that Identity does not give."""
    facts = json_text.parse(answer.body.decode("utf-8"))["token"]
    # by our own clock, which may differ from Identity's
    lifetime = _moment(facts["expires_at"]) - _moment(facts["issued_at"])
    project = facts.get("project", {}).get("id") or ""
    issued = Token(
        answer.header("X-Subject-Token"), "3", int(time()) + lifetime, account, project, lifetime
    )
    if not issued.is_sound:
        raise ValueError("a token that is no word")
    return issued


def _moment(text: str) -> int:
    """Seconds from a fixed moment. text: 2026-11-28T12:00:00.000000Z. Two of these have a
    difference that no time zone changes: none of them is taken for summer time."""
    date, _, clock = text.partition("T")
    year, month, day = (int(number) for number in date.split("-"))
    hours, minutes, seconds = (int(number) for number in clock[:8].split(":"))
    return int(mktime((year, month, day, hours, minutes, seconds, 0, 0, 0)))


def _message(answer: http.Answer) -> str:
    """What Identity says about an error."""
    try:
        return ": " + str(json_text.parse(answer.body.decode("utf-8"))["error"]["message"])
    except (KeyError, TypeError, ValueError):
        return ""
