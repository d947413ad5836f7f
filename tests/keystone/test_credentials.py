"""Every way to log in to a real Keystone, and its account lock after too many refused logins."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from tests.bed.keystone import PASSWORD
from tests.calling import Caller

pytestmark = [pytest.mark.root, pytest.mark.keystone]

START = 60.0
ATTEMPTS = 2
OWN = ("os_username", "os_password", "os_tenant_name", "os_auth_url")
SDK = Path("/usr/lib/python3/dist-packages/openstack")


class Admin:
    """A client of Keystone's API that is logged in as administrator. url: base URL, with the
    version. user_id, project_id: of the administrator."""

    def __init__(self, url: str) -> None:
        self.url = url
        name = {"name": "admin", "domain": {"id": "default"}}
        user = {**name, "password": PASSWORD}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": {"project": name}}}
        answer = requests.post(f"{url}/auth/tokens", json=body, timeout=30)
        assert answer.status_code == 201, answer.text
        self.headers = {"X-Auth-Token": answer.headers["X-Subject-Token"]}
        token = answer.json()["token"]
        self.user_id, self.project_id = token["user"]["id"], token["project"]["id"]

    def post(self, path: str, body: dict[str, object]) -> dict[str, dict[str, str]]:
        answer = requests.post(self.url + path, json=body, headers=self.headers, timeout=30)
        assert answer.status_code == 201, answer.text
        return answer.json()  # type: ignore[no-any-return]


@pytest.fixture
def bare(keystone: Caller) -> tuple[Caller, Admin]:
    """A running Keystone that locks an account after two refused logins, and an agent without
    credentials."""
    conf = Path(keystone.parameters["config"]).with_name("keystone.conf")
    lock = f"[security_compliance]\nlockout_failure_attempts = {ATTEMPTS}\n"
    conf.write_text(conf.read_text() + lock + "lockout_duration = 1800\n")
    url = keystone.parameters["os_auth_url"].replace("/v2.0/", "/v3")
    for name in OWN:
        del keystone.parameters[name]
    started = keystone("start", timeout=START)
    assert started.code == 0, started
    return keystone, Admin(url)


def keep(caller: Caller, name: str, text: str) -> str:
    path = caller.folder / name
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


def token_of(caller: Caller) -> Path:
    """The only token that is kept."""
    (found,) = caller.tokens
    return found


def logs_in(caller: Caller, admin: Admin, **parameters: str) -> bool:
    """Does a login with these parameters succeed at check levels 10 and 20, and is the cached token
    scoped to the project? The old parameters are restored."""
    before = dict(caller.parameters)
    caller.parameters.update(parameters)
    try:
        assert caller("validate-all", level=10).code == 0
        for level in (10, 20):
            judged = caller.monitor(level, timeout=30)
            assert judged.code == 0, (parameters, judged)
        lines = token_of(caller).read_text().splitlines()
        token_of(caller).unlink()
        return lines[4] == admin.project_id
    finally:
        caller.parameters.clear()
        caller.parameters.update(before)


def test_every_way_to_log_in(bare: tuple[Caller, Admin]) -> None:
    caller, admin = bare
    url = admin.url
    user = {"os_auth_url": url, "os_username": "admin"}
    by_id = {"os_project_id": admin.project_id, "os_user_domain_id": "default"}
    assert logs_in(caller, admin, **user, **by_id, os_password=PASSWORD)
    project = {"os_project_name": "admin", "os_project_domain_id": "default"}
    assert logs_in(caller, admin, **user, **project, os_password=PASSWORD)
    file = keep(caller, "password", PASSWORD + "\n")
    assert logs_in(caller, admin, **user, **project, os_password_file=file)

    made = admin.post(
        f"/users/{admin.user_id}/application_credentials",
        {"application_credential": {"name": "monitoring"}},
    )["application_credential"]
    application = {
        "os_auth_url": url,
        "os_application_credential_id": made["id"],
        "os_application_credential_secret": made["secret"],
    }
    assert logs_in(caller, admin, **application)

    common = f"# comment\nexport OS_AUTH_URL={url}\nexport OS_IDENTITY_API_VERSION=3\n"
    by_name = (
        "export OS_USERNAME=admin\nexport OS_USER_DOMAIN_NAME='Default'\n"
        f"export OS_PASSWORD='{PASSWORD}'\nexport OS_PROJECT_NAME=\"admin\"\n"
        "export OS_PROJECT_DOMAIN_ID=default\nexport OS_INTERFACE=internalURL\n"
    )
    assert logs_in(caller, admin, openrc=keep(caller, "openrc", common + by_name))
    by_user_id = (
        f"OS_USER_ID={admin.user_id}\nOS_PROJECT_ID={admin.project_id}\nOS_PASSWORD={PASSWORD}\n"
    )
    assert logs_in(caller, admin, openrc=keep(caller, "openrc", common + by_user_id))
    of_application = (
        "export OS_AUTH_TYPE=v3applicationcredential\n"
        f"export OS_APPLICATION_CREDENTIAL_ID={made['id']}\n"
        f"export OS_APPLICATION_CREDENTIAL_SECRET={made['secret']}\n"
    )
    assert logs_in(caller, admin, openrc=keep(caller, "openrc", common + of_application))


@pytest.mark.skipif(not SDK.exists(), reason="needs python3-openstacksdk")
def test_clouds_of_a_clouds_yaml(bare: tuple[Caller, Admin]) -> None:
    caller, admin = bare
    auth = f"auth: {{auth_url: '{admin.url}', username: admin, project_name: admin"
    domains = "user_domain_name: Default, project_domain_id: default"
    made = admin.post(
        f"/users/{admin.user_id}/application_credentials",
        {"application_credential": {"name": "monitoring"}},
    )["application_credential"]
    text = f"""
clouds:
  plain: {{{auth}, password: {PASSWORD}, {domains}}}, region_name: RegionOne}}
  secure: {{{auth}, {domains}}}}}
  application:
    auth_type: v3applicationcredential
    auth:
      auth_url: {admin.url}
      application_credential_id: {made["id"]}
      application_credential_secret: {made["secret"]}
"""
    given = {"os_client_config_file": keep(caller, "clouds.yaml", text)}
    keep(caller, "secure.yaml", f"clouds: {{secure: {{auth: {{password: {PASSWORD}}}}}}}\n")
    for cloud in ("plain", "secure", "application"):
        assert logs_in(caller, admin, **given, os_cloud=cloud), cloud


def test_a_wrong_password_does_not_lock_the_account(bare: tuple[Caller, Admin]) -> None:
    """With lockout_failure_attempts = 2, a second refused login would lock it for half an hour."""
    caller, admin = bare
    user = {"name": "watcher", "password": "sesame", "default_project_id": admin.project_id}
    admin.post("/users", {"user": {**user, "domain_id": "default"}})
    given = {"os_auth_url": admin.url, "os_username": "watcher"}
    for level in (10, 10, 20, 20, 10):
        judged = caller.monitor(level, **given, os_password="wrong")
        assert judged.code == 190, judged
        assert "refuse" in judged.reason
    judged = caller.monitor(**given, os_password="sesame")
    assert judged.code == 0, judged
