"""A log-in with keystoneclient and a keystoneauth session (0.4 s of CPU): for depth 20, for
Identity v2.0, and for whatever plain_login does not know."""

from __future__ import annotations

import calendar
import contextlib
import logging
import time
import warnings
from collections.abc import Iterator

from ocf_lib import libraries
from ocf_lib.keystone import attempt as attempts
from ocf_lib.keystone.session import opened
from ocf_lib.keystone.token import Token
from ocf_lib.net import failures
from ocf_lib.net.time_limit import TooLongError, within
from ocf_lib.outcomes import Degraded, NotInstalled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocf_lib.instance import Instance
    from ocf_lib.keystone.attempt import Attempt
    from ocf_lib.keystone.credentials import Credentials
    from ocf_lib.net.patience import Patience


def issue(attempt: Attempt, account: str, service_type: str, deep: bool) -> Token:
    """A new token of `account`. deep: also use it through keystoneclient, and look for
    `service_type` in the catalog. Raises as plain_login.issue does."""
    _load(attempt.evidence)

    def act() -> Token:
        session, version = opened(attempt.found, attempt.at, attempt.longest)
        access = session.auth.get_access(session)
        attempt.succeed()
        if deep:
            _use(session, version, attempt.at.url, service_type, attempt.found)
        lifetime = _lifetime(access)
        expires, project = int(time.time()) + lifetime, access.project_id or ""
        issued = Token(access.auth_token, version, expires, account, project, lifetime)
        if not issued.is_sound:
            raise ValueError("a token that is no word")
        return issued

    with _judged(attempt):
        return within(attempt.seconds, act, attempt.idle)


def enter(instance: Instance, account: str, patience: Patience) -> tuple[Any, Credentials]:
    """A session that is logged in as `account` and may ask any service, and its credentials. Raises
    as plain_login.issue does."""
    evidence = "the service itself runs"
    attempt = attempts.prepare(instance, account, patience, evidence)
    _load(evidence)

    def act() -> Any:
        session, _ = opened(attempt.found, attempt.at, attempt.seconds)
        session.auth.get_access(session)
        attempt.succeed()
        return session

    with _judged(attempt):
        return within(attempt.seconds, act), attempt.found


@contextlib.contextmanager
def _judged(attempt: Attempt) -> Iterator[None]:
    """Turns whatever the libraries raise in the block into an outcome."""
    from keystoneauth1 import exceptions

    what = attempt.identity
    try:
        yield
    except exceptions.Unauthorized:
        raise attempt.refused() from None
    except exceptions.SSLError:
        raise attempt.untrusted() from None
    except exceptions.HTTPClientError as error:
        raise attempt.impossible(_named(error)) from None
    except (exceptions.ConnectTimeout, TooLongError):
        raise attempt.silent() from None
    except exceptions.HttpServerError as error:
        raise attempt.fault(f"{what} answered {error.http_status} to a log-in") from None
    except exceptions.ClientException as error:
        if "Connection refused" in str(error):
            raise attempt.fault(f"{what} {failures.REFUSED} of a log-in") from None
        raise attempt.fault(
            f"{what} failed a log-in ({attempt.concealed(_named(error))})"
        ) from None
    except OSError as error:
        # from requests, for a file that it cannot load
        raise attempt.degraded(
            f"{what} cannot be logged in to: check os_cacert ({attempt.concealed(_named(error))})"
        ) from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # from keystoneclient, for an answer that is JSON but not Identity's
        raise attempt.nonsense(_named(error)) from None


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _load(evidence: str) -> None:
    """Load the libraries before the time of the request begins: on a busy host this takes seconds,
    which must not count as Identity's. Raises Degraded if they are missing."""
    warnings.simplefilter("ignore")  # warnings for the libraries' developers are not for operators
    logging.disable()  # they would log what is sent
    try:
        libraries.need("keystoneauth1", "python3-keystoneauth1")
        libraries.need("keystoneclient", "python3-keystoneclient")
    except NotInstalled as error:
        raise attempts.impossible(error, evidence) from None
    import keystoneclient.v2_0.client
    import keystoneclient.v3.client  # noqa: F401


def _lifetime(access: Any) -> int:
    """Seconds from the issue of a token to its end; from now if Identity does not tell when it was
    issued (2013)."""
    try:
        issued = access.issued
    except KeyError:
        issued = None
    begun = int(time.time()) if issued is None else calendar.timegm(issued.utctimetuple())
    return calendar.timegm(access.expires.utctimetuple()) - begun


def _use(session: Any, version: str, url: str, service_type: str, found: Credentials) -> None:
    """List the user's own projects, which reads the database; find the service in the catalog."""
    if version == "3":
        from keystoneclient.v3 import client

        client.Client(session=session, endpoint_override=url + "/v3").auth.projects()
    else:
        from keystoneclient.v2_0 import client

        client.Client(session=session, endpoint_override=url + "/v2.0").tenants.list()
    access = session.auth.get_access(session)
    # a token without a project has no catalog
    if access.project_id and not access.service_catalog.get_urls(
        service_type, found.interface, found.region or None
    ):
        where = f" in region {found.region}" if found.region else ""
        raise Degraded(
            f"the service catalog has no {found.interface} endpoint of type {service_type}{where}"
        )
