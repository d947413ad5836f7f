"""Logging in to Identity with keystoneclient and a keystoneauth session (0.3 s of CPU).

An Identity that is down is Afflicted, refused credentials are Degraded. If Identity is itself the
service that is checked, its errors are Suspect.
"""

from __future__ import annotations

import calendar
import contextlib
import logging
import warnings
from collections.abc import Iterator

from ocf_lib import libraries, log
from ocf_lib.keystone import backoff, credentials
from ocf_lib.keystone.session import TooLongError, opened, within
from ocf_lib.keystone.token import Token
from ocf_lib.net import failures
from ocf_lib.net.endpoint import Endpoint
from ocf_lib.outcomes import (
    Afflicted,
    Degraded,
    InvalidHere,
    Misconfigured,
    NotInstalled,
    Suspect,
)
from ocf_lib.state import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocf_lib.instance import Instance
    from ocf_lib.keystone.credentials import Credentials
    from ocf_lib.net.patience import Patience

# Seconds for a log-in if another service is checked: an Identity that answers does so within 3 s,
# even for the first log-in after its start (measured).
IDENTITY_SECONDS = 5.0
WARNED = "warned"


def log_in(
    instance: Instance, account: str, patience: Patience, endpoint: Endpoint, deep: bool = False
) -> Token:
    """A new token of `account`. It is kept for the next monitors in a file that root alone can
    read.

    endpoint: the API that is checked, which was seen to answer without a token. If it is Identity
    itself, the log-in goes there; for other services it goes to os_auth_url. deep: also use the
    token through keystoneclient, and look the service up in the catalog.

    Raises Degraded if the credentials are refused or cannot be tried, Afflicted if Identity is down
    or answers with an error, Suspect if it does and is itself the service.
    """
    api = instance.service.api
    assert api is not None
    attempt = _attempt(instance, account, patience, "the service itself answers")
    found = attempt.found
    if api.issues_tokens:
        attempt.go_to(endpoint, patience.seconds)

    def act() -> Token:
        session, version = opened(found, attempt.at, attempt.seconds)
        access = attempt.enter(session)
        if deep:
            _use(session, version, attempt.at, api.service_type, found)
        expires = calendar.timegm(access.expires.utctimetuple())
        issued = Token(access.auth_token, version, expires, account, access.project_id or "")
        if not issued.is_sound:
            raise ValueError("a token that is no word")
        return issued

    with attempt.judged():
        held = within(attempt.seconds, act)
    if api.needs_project and not held.project:
        raise attempt.degraded(
            f"{found} gets a token without a project, which the API needs",
            f"set os_project_name, or check {found.origin}",
        )
    # a token that cannot be kept costs the next monitor a log-in, and nothing else
    files.keep_state(instance.file("token"), str(held))
    return held


def enter(instance: Instance, account: str, patience: Patience) -> tuple[Any, Credentials]:
    """A session that is logged in as `account` and may ask any service, and its credentials. Raises
    Degraded and Afflicted as `log_in` does."""
    attempt = _attempt(instance, account, patience, "the service itself runs")

    def act() -> Any:
        session, _ = opened(attempt.found, attempt.at, attempt.seconds)
        attempt.enter(session)
        return session

    with attempt.judged():
        return within(attempt.seconds, act), attempt.found


class _Attempt:
    """One log-in with the credentials `found`. pause: notes a refusal. evidence: what is known
    about the service that is checked. at: the address of Identity. seconds: for all of it."""

    def __init__(
        self, found: Credentials, pause: backoff.Backoff, seconds: float, evidence: str
    ) -> None:
        self.found, self.pause, self.evidence = found, pause, evidence
        self.at = Endpoint.parse(found.auth_url).unversioned()
        self.seconds = min(IDENTITY_SECONDS, seconds)
        self.is_the_service = self.is_in = False

    def go_to(self, endpoint: Endpoint, seconds: float) -> None:
        """Log in at `endpoint`: Identity is itself the service that is checked."""
        name, path = self.at.name, self.at.path
        self.at = Endpoint(endpoint.scheme, endpoint.address, endpoint.port, name, path)
        self.seconds = seconds
        self.is_the_service = True

    def enter(self, session: Any) -> Any:
        """Log in, and return what Identity says about the user."""
        access = session.auth.get_access(session)
        self.is_in = True
        return access

    def degraded(self, text: str, advice: str = "") -> Degraded:
        return Degraded(f"{text}; {self.evidence} (degraded)" + (f": {advice}" if advice else ""))

    def fault(self, text: str) -> Suspect | Afflicted:
        """The outcome if Identity does not do its work."""
        if self.is_the_service:
            return Suspect(text)
        return Afflicted(f"{text}; {self.evidence} (degraded)", dependency="identity")

    def refused(self) -> Degraded:
        what = f"Identity {self.at.url}"
        if self.is_in:
            return self.degraded(f"{what} refuses the token that it just issued")
        self.pause.note(f"{what} refused {self.found}", self.found.origin)
        return self.degraded(f"{what} refuses {self.found}", f"check {self.found.origin}")

    @contextlib.contextmanager
    def judged(self) -> Iterator[None]:
        """Turns whatever the libraries raise in the block into an outcome."""
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
            if self.is_the_service:
                seconds = f"within {self.seconds:.3g} s"
                raise self.fault(f"{what} did not complete a log-in {seconds}") from None
            raise self.fault(f"{what} {failures.silent(self.seconds)}") from None
        except exceptions.HttpServerError as error:
            raise self.fault(f"{what} answered {error.http_status} to a log-in") from None
        except exceptions.ClientException as error:
            if "Connection refused" in str(error):
                raise self.fault(f"{what} {failures.REFUSED} of a log-in") from None
            raise self.fault(f"{what} failed a log-in ({self._short(error)})") from None
        except OSError as error:
            # from requests, for a file that it cannot load
            raise self.degraded(
                f"{what} cannot be logged in to: check os_cacert ({self._short(error)})"
            ) from None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # from keystoneclient, for an answer that is JSON but not Identity's
            raise self.fault(
                f"{what} answers a log-in with nonsense ({self._short(error)})"
            ) from None
        finally:
            if self.is_in:
                backoff.forget(self.pause.notes)

    def _short(self, error: Exception) -> str:
        """The error without the secrets of a file. Secret parameters are masked when printed."""
        first = (str(error).splitlines() or [""])[0]
        return f"{type(error).__name__}: {log.conceal(first, self.found.secrets)[:160]}"


def _attempt(instance: Instance, account: str, patience: Patience, evidence: str) -> _Attempt:
    """Prepare a log-in. Raises Degraded if none may be made yet, or none is possible."""
    pause = backoff.Backoff(instance.notes, account, instance.parameters.secrets())
    pause.check()
    try:
        _load_libraries()
        found = credentials.gather(instance.parameters)
    except (InvalidHere, Misconfigured, NotInstalled) as error:
        raise Degraded(f"no log-in is possible: {error}; {evidence} (degraded)") from None
    _warn(instance, found)
    return _Attempt(found, pause, patience.seconds, evidence)


def _load_libraries() -> None:
    """Load the libraries before the time of the request begins: on a busy host this takes seconds,
    which must not count as Identity's. Raises NotInstalled."""
    warnings.simplefilter("ignore")  # warnings for the libraries' developers are not for operators
    logging.disable()  # they would log what is sent
    libraries.need("keystoneauth1", "python3-keystoneauth1")
    libraries.need("keystoneclient", "python3-keystoneclient")
    import keystoneclient.v2_0.client
    import keystoneclient.v3.client  # noqa: F401


def _warn(instance: Instance, found: Credentials) -> None:
    """Log once that others can read the file with the secret. monitor uses the file all the
    same."""
    said = " ".join(found.exposure.split())
    if said and instance.notes[WARNED] != said:
        log.of(instance, found.secrets).warning(said)
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
