"""Logging in to Identity with keystoneclient and a keystoneauth session (cold: 0.3 s of CPU).

Source: keystoneauth1's "Using Sessions" and keystoneclient's client API. Identity v3 where the
server has it, v2.0 where that is all there is, whatever version the given URL names.
"""

from __future__ import annotations

import calendar
import contextlib
import signal
import warnings
from collections.abc import Iterator

from ocf_lib import files, packages
from ocf_lib.endpoint import Endpoint
from ocf_lib.outcomes import Degraded, Failed, NotInstalled
from ocf_lib.token import Token

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocf_lib.instance import Instance
    from ocf_lib.parameters import Parameters
    from ocf_lib.service import Api

DEFAULT_DOMAIN = "Default"


def log_in(
    instance: Instance, api: Api, endpoint: Endpoint, account: str, deep: bool = False
) -> Token:
    """A new token of `account`, kept for the next monitors in a file that root alone can read.

    deep: also use it through keystoneclient, and look up the service catalog. For Identity itself
    the log-in is made at `endpoint`, the instance that is checked; for others at os_auth_url.

    Raises Degraded where the credentials are refused or cannot be tried, Failed where Identity is
    itself the service and answers an error.
    """
    _load_libraries()
    from keystoneauth1 import exceptions

    of = instance.parameters
    at = Endpoint.parse(of["os_auth_url"] or "").unversioned()
    if api.issues_tokens:
        at = Endpoint(endpoint.scheme, endpoint.address, endpoint.port, at.name, at.path)
    fault = Failed if api.issues_tokens else Degraded
    seconds = instance.request_seconds
    try:
        with _within(seconds):
            session, version = _session(instance, at)
            access = session.auth.get_access(session)
            if deep:
                _use(session, version, at, api.service_type, of)
        expires = calendar.timegm(access.expires.utctimetuple())
        held = Token(access.auth_token, version, expires, account, access.project_id or "")
        if not held.is_sound:
            raise ValueError("a token that is no word")
    except exceptions.Unauthorized:
        raise Degraded(
            f"Identity {at.url} refuses user {of['os_username']}; the service itself answers "
            "(degraded): check os_username, os_password, os_tenant_name and the domains"
        ) from None
    except exceptions.SSLError:
        raise Degraded(
            f"Identity {at.url} has a certificate that is not accepted for {at.name}: check "
            "os_cacert and os_auth_url, or set insecure"
        ) from None
    except exceptions.HTTPClientError as error:
        raise Degraded(f"Identity {at.url} cannot be logged in to ({_short(error)})") from None
    except (exceptions.ConnectTimeout, _TooLongError):
        raise fault(f"Identity {at.url} did not complete a log-in within {seconds:.3g} s") from None
    except exceptions.ClientException as error:
        raise fault(f"Identity {at.url} failed a log-in ({_short(error)})") from None
    except OSError as error:
        # what requests says of a file that it cannot load
        raise Degraded(
            f"Identity {at.url} cannot be logged in to: check os_cacert ({_short(error)})"
        ) from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # keystoneclient's way to say that an answer was JSON, but none of Identity
        raise fault(f"Identity {at.url} answers a log-in with nonsense ({_short(error)})") from None
    # a token that cannot be kept costs the next monitor a log-in, no more
    with contextlib.suppress(OSError):
        files.make_state_folder(instance.folder)
        files.replace(instance.file("token"), str(held), 0o600)
    return held


def _load_libraries() -> None:
    """Now, rather than when they are first used: on a busy host that takes seconds, which are not
    Identity's. A missing one is not the service's fault either."""
    warnings.simplefilter("ignore")  # what libraries warn their developers of is no operator's log
    try:
        packages.need("keystoneauth1", "python3-keystoneauth1")
        packages.need("keystoneclient", "python3-keystoneclient")
    except NotInstalled as error:
        raise Degraded(f"no log-in is possible: {error}; the service itself answers") from None
    import keystoneclient.v2_0.client
    import keystoneclient.v3.client  # noqa: F401


class _TooLongError(BaseException):
    """Not an Exception: requests and keystoneauth make their own of those."""


@contextlib.contextmanager
def _within(seconds: float) -> Iterator[None]:
    """A deadline over the block: the time-out of requests is one for each read, and an answer that
    trickles has many. Raises _TooLongError. Takes the process's alarm for itself."""

    def end(*_: object) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGALRM, end)
    # again after half a second: in a destructor the first one would be lost
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.01), 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _session(instance: Instance, at: Endpoint) -> tuple[Any, str]:
    """A session that authenticates at `at`, and the version of the API that it uses."""
    from keystoneauth1 import discover, session
    from keystoneauth1.identity import v2, v3

    of = instance.parameters
    verify = False if of["insecure"] else of["os_cacert"] or True
    made = session.Session(
        session=_requests_session(at),
        verify=verify,
        timeout=max(1.0, instance.request_seconds),
        app_name="ocf-openstack",
    )
    made.additional_headers["Host"] = at.authority
    offered = {
        entry["version"][0] for entry in discover.Discover(made, at.url + "/").version_data()
    }
    if 3 in offered or 2 not in offered:
        made.auth = v3.Password(
            at.url + "/v3",
            username=of["os_username"],
            password=of["os_password"],
            project_name=of["os_tenant_name"],
            user_domain_name=of["os_user_domain_name"] or DEFAULT_DOMAIN,
            project_domain_name=of["os_project_domain_name"] or DEFAULT_DOMAIN,
        )
        return made, "3"
    made.auth = v2.Password(
        at.url + "/v2.0",
        username=of["os_username"],
        password=of["os_password"],
        tenant_name=of["os_tenant_name"],
    )
    return made, "2.0"


def _use(session: Any, version: str, at: Endpoint, service_type: str, of: Parameters) -> None:
    """List the user's own projects, which reads the database; find the service in the catalog."""
    if version == "3":
        from keystoneclient.v3 import client

        client.Client(session=session, endpoint_override=at.url + "/v3").auth.projects()
    else:
        from keystoneclient.v2_0 import client

        client.Client(session=session, endpoint_override=at.url + "/v2.0").tenants.list()
    region, interface = of["os_region_name"], of["os_interface"]
    catalog = session.auth.get_access(session).service_catalog
    if of["os_tenant_name"] and not catalog.get_urls(service_type, interface, region):
        where = f" in region {region}" if region else ""
        raise Degraded(
            f"the service catalog has no {interface} endpoint of type {service_type}{where}"
        )


def _requests_session(at: Endpoint) -> Any:
    """TLS to at.address, with the certificate of at.name."""
    import requests
    from requests.adapters import HTTPAdapter

    class Named(HTTPAdapter):  # type: ignore[misc]  # requests has no types
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(
                *args, server_hostname=at.name, assert_hostname=at.name, **kwargs
            )

    made = requests.Session()
    # neither proxies nor a .netrc of root's have a say in what a monitor asks
    made.trust_env = False
    made.mount("https://", Named())
    return made


def _short(error: Exception) -> str:
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first[:160]}"
