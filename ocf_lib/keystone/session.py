"""A keystoneauth session that logs in to Identity when it is first used.

Source: keystoneauth1's "Using Sessions". It uses Identity v3 if the server has it and v2.0 if the
server has nothing newer, whatever version the given URL names.
"""

from __future__ import annotations

from ocf_lib.keystone.credentials import Credentials
from ocf_lib.net.endpoint import Endpoint
from ocf_lib.outcomes import Degraded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def opened(found: Credentials, at: Endpoint, seconds: float) -> tuple[Any, str]:
    """A session that authenticates at `at`, and the version of the Identity API that it uses.

    seconds: the time-out of each read. Raises what keystoneauth raises, and Degraded if Identity is
    too old for the credentials.
    """
    from keystoneauth1 import discover, session

    made = session.Session(
        session=_requests_session(at),
        verify=False if found.insecure else found.cacert or True,
        timeout=max(1.0, seconds),
        app_name="ocf-openstack",
    )
    if at.name != at.address:
        made.additional_headers["Host"] = at.authority
    offered = {
        entry["version"][0] for entry in discover.Discover(made, at.url + "/").version_data()
    }
    version = "3" if 3 in offered or 2 not in offered else "2.0"
    made.auth = _third(found, at.url) if version == "3" else _second(found, at.url)
    return made, version


def _third(found: Credentials, url: str) -> Any:
    from keystoneauth1.identity import v3

    if found.is_application:
        return v3.ApplicationCredential(
            url + "/v3",
            application_credential_secret=found.application_credential_secret,
            application_credential_id=found.application_credential_id,
        )
    return v3.Password(
        url + "/v3",
        username=found.username or None,
        user_id=found.user_id or None,
        password=found.password,
        project_name=found.project_name or None,
        project_id=found.project_id or None,
        user_domain_name=found.user_domain_name or None,
        user_domain_id=found.user_domain_id or None,
        project_domain_name=found.project_domain_name or None,
        project_domain_id=found.project_domain_id or None,
    )


def _second(found: Credentials, url: str) -> Any:
    from keystoneauth1.identity import v2

    if found.is_application:
        raise Degraded(
            f"Identity {url} has v2.0 alone, which knows no application credentials (degraded): "
            f"check {found.origin}"
        )
    who = ("user_id", found.user_id) if found.user_id else ("username", found.username)
    project = ("tenant_id", found.project_id) if found.project_id else None
    project = project or ("tenant_name", found.project_name or "")
    facts = {name: value or None for name, value in (who, project)}
    return v2.Password(url + "/v2.0", password=found.password, **facts)


def _requests_session(at: Endpoint) -> Any:
    """A session that connects to at.address and expects the certificate of at.name. If the two
    differ, the session works for this server alone."""
    import requests
    from requests.adapters import HTTPAdapter

    class Named(HTTPAdapter):  # type: ignore[misc]  # requests has no types
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(
                *args, server_hostname=at.name, assert_hostname=at.name, **kwargs
            )

    made = requests.Session()
    # a monitor uses neither proxies nor root's .netrc
    made.trust_env = False
    if at.name != at.address:
        made.mount("https://", Named())
    return made
