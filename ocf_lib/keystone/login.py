"""Logging in to Identity with keystoneclient and a keystoneauth session (cold: 0.3 s of CPU).

A dependency that is away is Afflicted, credentials that are refused are Degraded; where Identity is
itself the service that is checked, its errors are its own.
"""

from __future__ import annotations

import calendar
import contextlib
import logging
import warnings
from collections.abc import Iterator

from ocf_lib import libraries
from ocf_lib.keystone import backoff, credentials
from ocf_lib.keystone.session import TooLongError, opened, within
from ocf_lib.keystone.token import Token
from ocf_lib.launch.last_words import conceal
from ocf_lib.log import Log
from ocf_lib.net.endpoint import Endpoint
from ocf_lib.outcomes import Afflicted, Degraded, InvalidHere, Misconfigured, NotInstalled, Suspect
from ocf_lib.state import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocf_lib.declare.service import Api
    from ocf_lib.instance import Instance
    from ocf_lib.keystone.credentials import Credentials

# For a log-in where another service is asked: a server that answers does so within 3 s, even the
# first one after its start (measured).
IDENTITY_SECONDS = 5.0
WARNED = "warned"


def log_in(
    instance: Instance, api: Api, endpoint: Endpoint, account: str, deep: bool = False
) -> Token:
    """A new token of `account`, kept for the next monitors in a file that root alone can read.

    deep: also use it through keystoneclient, and look up the service catalog. For Identity itself
    the log-in is made at `endpoint`, the instance that is checked; for others at os_auth_url. The
    service was seen to answer without a token.

    Raises Degraded where the credentials are refused or cannot be tried, Afflicted where Identity
    is away or errs, Suspect where it is itself the service.
    """
    attempt = _attempt(instance, account, "the service itself answers")
    found = attempt.found
    if api.issues_tokens:
        attempt.be_at(endpoint)
    with attempt.judged(), within(attempt.seconds):
        session, version = opened(found, attempt.at, attempt.seconds)
        access = attempt.enter(session)
        if deep:
            _use(session, version, attempt.at, api.service_type, found)
        expires = calendar.timegm(access.expires.utctimetuple())
        held = Token(access.auth_token, version, expires, account, access.project_id or "")
        if not held.is_sound:
            raise ValueError("a token that is no word")
    if api.needs_project and not held.project:
        raise attempt.degraded(
            f"{found} gets a token without a project, which the API needs",
            f"set os_project_name, or check {found.origin}",
        )
    # a token that cannot be kept costs the next monitor a log-in, no more
    files.keep_state(instance.file("token"), str(held))
    return held


def enter(instance: Instance, account: str) -> tuple[Any, Credentials]:
    """A session that is logged in as `account` and may ask any service, and whom it is of. Raises
    Degraded and Afflicted as log_in does."""
    attempt = _attempt(instance, account, "the service itself runs")
    with attempt.judged(), within(attempt.seconds):
        session, _ = opened(attempt.found, attempt.at, attempt.seconds)
        attempt.enter(session)
    return session, attempt.found


class _Attempt:
    """One log-in of `account` with the credentials `found`. evidence: what is known of the service
    that is checked. at: where Identity is asked. seconds: for all of it."""

    def __init__(self, instance: Instance, account: str, evidence: str, found: Credentials) -> None:
        self.instance, self.account, self.evidence = instance, account, evidence
        self.found = found
        self.at = Endpoint.parse(found.auth_url).unversioned()
        self.seconds = min(IDENTITY_SECONDS, instance.request_seconds)
        self.is_the_service = self.is_in = False

    def be_at(self, endpoint: Endpoint) -> None:
        """Identity is itself the service that is checked, and answers there."""
        name, path = self.at.name, self.at.path
        self.at = Endpoint(endpoint.scheme, endpoint.address, endpoint.port, name, path)
        self.seconds = self.instance.request_seconds
        self.is_the_service = True

    def enter(self, session: Any) -> Any:
        """What Identity says of the one who logs in."""
        access = session.auth.get_access(session)
        self.is_in = True
        backoff.forget(self.instance)
        return access

    def degraded(self, text: str, advice: str = "") -> Degraded:
        return Degraded(f"{text}; {self.evidence} (degraded)" + (f": {advice}" if advice else ""))

    def fault(self, text: str) -> Suspect | Afflicted:
        """Identity does not do its work."""
        if self.is_the_service:
            return Suspect(text)
        return Afflicted(f"{text}; {self.evidence} (degraded)", dependency="identity")

    def refused(self) -> Degraded:
        what = f"Identity {self.at.url}"
        if self.is_in:
            return self.degraded(f"{what} refuses the token that it just issued")
        backoff.note(self.instance, self.account, f"{what} refused {self.found}", self.found.origin)
        return self.degraded(f"{what} refuses {self.found}", f"check {self.found.origin}")

    @contextlib.contextmanager
    def judged(self) -> Iterator[None]:
        """Whatever the libraries raise in the block, as an outcome."""
        from keystoneauth1 import exceptions

        what = f"Identity {self.at.url}"
        try:
            yield
        except exceptions.Unauthorized:
            raise self.refused() from None
        except exceptions.SSLError:
            raise self.degraded(
                f"{what} has a certificate that is not accepted for {self.at.name}",
                "check os_cacert and os_auth_url, or set insecure",
            ) from None
        except exceptions.HTTPClientError as error:
            raise self.degraded(f"{what} cannot be logged in to ({self._short(error)})") from None
        except (exceptions.ConnectTimeout, TooLongError):
            seconds = f"within {self.seconds:.3g} s"
            if self.is_the_service:
                raise self.fault(f"{what} did not complete a log-in {seconds}") from None
            raise self.fault(f"{what} did not answer {seconds}") from None
        except exceptions.HttpServerError as error:
            raise self.fault(f"{what} answered {error.http_status} to a log-in") from None
        except exceptions.ClientException as error:
            if "Connection refused" in str(error):
                raise self.fault(f"{what} refused the connection of a log-in") from None
            raise self.fault(f"{what} failed a log-in ({self._short(error)})") from None
        except OSError as error:
            # what requests says of a file that it cannot load
            raise self.degraded(
                f"{what} cannot be logged in to: check os_cacert ({self._short(error)})"
            ) from None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # keystoneclient's way to say that an answer was JSON, but none of Identity
            raise self.fault(
                f"{what} answers a log-in with nonsense ({self._short(error)})"
            ) from None

    def _short(self, error: Exception) -> str:
        """Without the secrets of a file; those of parameters are masked in all that is printed."""
        first = (str(error).splitlines() or [""])[0]
        return f"{type(error).__name__}: {conceal(first, self.found.secrets)[:160]}"


def _attempt(instance: Instance, account: str, evidence: str) -> _Attempt:
    """Raises Degraded where none may be made yet, or none can be."""
    backoff.check(instance, account)
    try:
        _load_libraries()
        found = credentials.gather(instance)
    except (InvalidHere, Misconfigured, NotInstalled) as error:
        raise Degraded(f"no log-in is possible: {error}; {evidence} (degraded)") from None
    _warn(instance, found)
    return _Attempt(instance, account, evidence, found)


def _load_libraries() -> None:
    """Now, rather than when they are first used: on a busy host that takes seconds, which are not
    Identity's. Raises NotInstalled."""
    warnings.simplefilter("ignore")  # what libraries warn their developers of is no operator's log
    logging.disable()  # nor what they log, which may be what was sent
    libraries.need("keystoneauth1", "python3-keystoneauth1")
    libraries.need("keystoneclient", "python3-keystoneclient")
    import keystoneclient.v2_0.client
    import keystoneclient.v3.client  # noqa: F401


def _warn(instance: Instance, found: Credentials) -> None:
    """Once, that others can read the file with the secret: monitor is no place to insist."""
    said = " ".join(found.exposure.split())
    if said and instance.notes[WARNED] != said:
        environment, service = instance.environment, instance.service
        tag = f"{service.name}({environment.instance})"
        secrets = [*instance.parameters.secrets(), *found.secrets]
        Log(environment.environ, tag, secrets).warning(said)
    instance.notes[WARNED] = said


def _use(session: Any, version: str, at: Endpoint, service_type: str, found: Credentials) -> None:
    """List the user's own projects, which reads the database; find the service in the catalog."""
    if version == "3":
        from keystoneclient.v3 import client

        client.Client(session=session, endpoint_override=at.url + "/v3").auth.projects()
    else:
        from keystoneclient.v2_0 import client

        client.Client(session=session, endpoint_override=at.url + "/v2.0").tenants.list()
    access = session.auth.get_access(session)
    # a token without a project has no catalog
    if access.project_id and not access.service_catalog.get_urls(
        service_type, found.interface, found.region or None
    ):
        where = f" in region {found.region}" if found.region else ""
        raise Degraded(
            f"the service catalog has no {found.interface} endpoint of type {service_type}{where}"
        )
