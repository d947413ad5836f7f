"""The project of a kept token, and accounts that need a project."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocf_lib.actions import validate
from ocf_lib.declare import standard
from ocf_lib.declare.service import Api, Service
from ocf_lib.keystone import token
from ocf_lib.keystone.token import Token
from ocf_lib.log import Log
from tests.unit.conftest import account_of, demo
from tests.unit.state.test_record import ACCOUNT, Make, in_an_hour, keep


def test_a_token_keeps_its_project(instance_of: Make) -> None:
    instance = instance_of(**ACCOUNT)
    account = account_of(instance)
    assert account is not None
    written = Token("gAAAAA", "3", in_an_hour(), account, "0c2a")
    keep(instance, str(written), account)
    found = token.kept(instance.folder, account)
    assert found is not None
    assert (found.value, found.project) == ("gAAAAA", "0c2a")
    assert found.__dict__ == written.__dict__


@pytest.mark.parametrize("project", ["0c 2a", "0c\r2a", "\u20ac", "\0", "\udcff"])
def test_a_project_that_fits_no_request_is_no_token(instance_of: Make, project: str) -> None:
    instance = instance_of(**ACCOUNT)
    text = f"me\n3\n{in_an_hour()}\ngAAAA\n%s\n3600\n"
    keep(instance, text % "0c2a")
    assert token.kept(instance.folder, "me") is not None
    keep(instance, text % project)
    assert token.kept(instance.folder, "me") is None


def with_path(path: str, parameters: object = None) -> Service:
    changes: dict[str, object] = {} if parameters is None else {"parameters": parameters}
    return demo(api=Api(9999, "/", authenticated=path, service_type="demo"), **changes)


@pytest.mark.parametrize("path, needed", [("/v3/{project}/x", True), ("/v3/x", False)])
def test_an_api_whose_path_names_the_project_needs_one(
    instance_of: Make, path: str, needed: bool
) -> None:
    without = {name: value for name, value in ACCOUNT.items() if name != "os_tenant_name"}
    assert account_of(instance_of(with_path(path), **ACCOUNT)) is not None
    assert (account_of(instance_of(with_path(path), **without)) is None) is needed


def test_an_agent_without_credentials_has_no_account(instance_of: Make) -> None:
    for parameters in ((), standard.daemon("demo"), standard.api("http://127.0.0.1/")):
        assert account_of(instance_of(with_path("", parameters), **ACCOUNT)) is None
        assert account_of(instance_of(demo(api=None, parameters=parameters))) is None
    assert account_of(instance_of(demo(api=None), **ACCOUNT)) is not None


def test_the_older_name_of_the_url_makes_the_same_account(instance_of: Make) -> None:
    older = {**ACCOUNT, "keystone_get_token_url": ACCOUNT["os_auth_url"], "os_auth_url": ""}
    assert account_of(instance_of(**older)) == account_of(instance_of(**ACCOUNT)) is not None


@pytest.mark.parametrize(
    "path, left_out, told",
    [
        ("/{project}/x", ["os_tenant_name"], "os_project_name is not set"),
        ("/{project}/x", ["os_password"], "os_password is not set"),
        ("/x", ["os_password", "os_tenant_name"], "os_password is not set"),
        ("/x", ["os_tenant_name"], ""),
        ("/{project}/x", [], ""),
        ("/{project}/x", list(ACCOUNT), ""),
    ],
)
def test_start_tells_why_no_credentials_are_used(
    instance_of: Make, tmp_path: Path, path: str, left_out: list[str], told: str
) -> None:
    given = {name: value for name, value in ACCOUNT.items() if name not in left_out}
    validate.parameters(instance_of(with_path(path), **given), log_in(tmp_path))
    text = (tmp_path / "log").read_text() if (tmp_path / "log").exists() else ""
    expected = f"monitor asks without credentials, because {told}" if told else ""
    assert text.rpartition("WARNING: ")[2].rstrip() == expected


def log_in(folder: Path) -> Log:
    return Log({"HA_LOGFACILITY": "none", "HA_LOGFILE": str(folder / "log")}, "demo", "test")


def test_an_older_name_is_deprecated(instance_of: Make, tmp_path: Path) -> None:
    older = {**ACCOUNT, "keystone_get_token_url": ACCOUNT["os_auth_url"], "os_auth_url": ""}
    validate.parameters(instance_of(**older), log_in(tmp_path))
    text = (tmp_path / "log").read_text()
    assert "parameter keystone_get_token_url is deprecated: Use os_auth_url." in text
    assert len(text.splitlines()) == 1
