"""Where credentials come from: parameters, and the files that parameters name."""

from __future__ import annotations

import os
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocf_lib.actions import validate
from ocf_lib.declare.service import Api
from ocf_lib.instance import Instance
from ocf_lib.keystone import backoff, credentials, token
from ocf_lib.log import Log
from ocf_lib.outcomes import Degraded, InvalidHere
from ocf_lib.state import files, secretfile
from ocf_lib.state.notes import Notes
from tests.unit.conftest import account_of, demo
from tests.unit.state.test_record import ACCOUNT, Make

OPENRC = {
    "OS_AUTH_URL": "http://192.0.2.9:5000/v3",
    "OS_USERNAME": "watcher",
    "OS_PASSWORD": "from-openrc",
    "OS_PROJECT_NAME": "watched",
    "OS_USER_DOMAIN_NAME": "heroes",
    "OS_INTERFACE": "internalURL",
    "OS_REGION_NAME": "there",
    "OS_CACERT": "/etc/ca.pem",
}
CLOUDS = """
clouds:
  monitoring:
    auth:
      auth_url: http://192.0.2.8:5000/v3
      username: watcher
      password: from-clouds
      project_name: watched
      user_domain_id: d1
      project_domain_name: heroes
    region_name: there
    interface: internal
    verify: false
  limited:
    auth_type: v3applicationcredential
    auth:
      auth_url: http://192.0.2.8:5000/v3
      application_credential_id: a1
      application_credential_secret: from-clouds
  other: {auth_type: v3token, auth: {auth_url: "http://192.0.2.8/", token: sesame}}
  remote: {profile: "https://192.0.2.8"}
  packaged: {profile: vexxhost}
  empty: {}
"""


@pytest.fixture
def keep(tmp_path: Path) -> Callable[..., str]:
    """Writes a file that only root can access."""

    def write(text: str, name: str = "file", mode: int = 0o600) -> str:
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        path.chmod(mode)
        return str(path)

    return write


@pytest.fixture
def openrc(keep: Callable[..., str]) -> Callable[..., str]:
    """Writes an openrc file with the usual lines and these changes."""

    def write(**changes: str) -> str:
        facts = {**OPENRC, **changes}
        return keep("".join(f"export {n}='{v}'\n" for n, v in facts.items() if v), "openrc")

    return write


@pytest.fixture
def clouds(keep: Callable[..., str]) -> Iterator[dict[str, str]]:
    """Parameters that name a cloud in a clouds.yaml."""
    pytest.importorskip("openstack.config")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # from modules that openstacksdk imports
        yield {"os_client_config_file": keep(CLOUDS, "clouds.yaml"), "os_cloud": "monitoring"}


def facts(instance: Instance) -> dict[str, object]:
    return dict(credentials.gather(instance.parameters).__dict__)


# -- which source counts -----------------------------------------------------------------------


def test_parameters_alone(instance_of: Make) -> None:
    found = facts(instance_of(**ACCOUNT))
    assert found["auth_url"] == ACCOUNT["os_auth_url"]
    assert (found["username"], found["password"]) == ("admin", "sesame")
    assert (found["project_name"], found["project_id"]) == ("admin", "")
    assert (found["user_domain_name"], found["project_domain_name"]) == ("Default", "Default")
    assert (found["insecure"], found["interface"], found["exposure"]) == (False, "public", "")


def test_an_openrc_brings_all(instance_of: Make, openrc: Callable[..., str]) -> None:
    found = facts(instance_of(openrc=openrc()))
    assert found["auth_url"] == "http://192.0.2.9:5000/v3"
    assert (found["username"], found["password"]) == ("watcher", "from-openrc")
    assert found["project_name"] == "watched"
    # the file takes precedence over a default of ours
    assert (found["user_domain_name"], found["project_domain_name"]) == ("heroes", "Default")
    assert (found["interface"], found["region"]) == ("internal", "there")
    assert found["cacert"] == "/etc/ca.pem"


def test_a_cloud_brings_all(instance_of: Make, clouds: dict[str, str]) -> None:
    found = facts(instance_of(**clouds))
    assert found["auth_url"] == "http://192.0.2.8:5000/v3"
    assert (found["username"], found["password"]) == ("watcher", "from-clouds")
    assert (found["user_domain_name"], found["user_domain_id"]) == ("", "d1")
    assert (found["project_domain_name"], found["project_domain_id"]) == ("heroes", "")
    assert (found["interface"], found["region"], found["insecure"]) == ("internal", "there", True)


@pytest.mark.parametrize(
    ("parameter", "fact"),
    [
        ("os_auth_url", "auth_url"),
        ("keystone_get_token_url", "auth_url"),
        ("os_username", "username"),
        ("os_project_name", "project_name"),
        ("os_tenant_name", "project_name"),
        ("os_project_id", "project_id"),
        ("os_user_domain_name", "user_domain_name"),
        ("os_user_domain_id", "user_domain_id"),
        ("os_project_domain_id", "project_domain_id"),
        ("os_region_name", "region"),
        ("os_cacert", "cacert"),
    ],
)
def test_a_parameter_that_is_set_wins_over_a_file(
    instance_of: Make, openrc: Callable[..., str], parameter: str, fact: str
) -> None:
    value = "/own" if parameter == "os_cacert" else "http://own:5000"
    given = {parameter: value}
    assert facts(instance_of(openrc=openrc(), **given))[fact] == value


def test_a_default_that_is_set_on_purpose_wins_too(
    instance_of: Make, openrc: Callable[..., str], clouds: dict[str, str]
) -> None:
    given = {"os_interface": "public", "os_user_domain_name": "Default"}
    found = facts(instance_of(openrc=openrc(), **given))
    assert (found["interface"], found["user_domain_name"]) == ("public", "Default")
    assert facts(instance_of(**clouds, insecure="false"))["insecure"] is False


def test_a_name_that_is_set_does_not_lose_against_an_id_in_a_file(
    instance_of: Make, openrc: Callable[..., str]
) -> None:
    path = openrc(OS_PROJECT_ID="p1", OS_USER_DOMAIN_ID="d1", OS_USER_ID="u1")
    assert facts(instance_of(openrc=path))["user_id"] == "u1"
    given = {"os_project_name": "own", "os_user_domain_name": "own", "os_username": "own"}
    found = facts(instance_of(openrc=path, **given))
    assert (found["project_name"], found["project_id"]) == ("own", "")
    assert (found["user_domain_name"], found["user_domain_id"]) == ("own", "")
    assert (found["username"], found["user_id"]) == ("own", "")


def test_the_older_name_of_the_project_yields(instance_of: Make) -> None:
    given = {**ACCOUNT, "os_project_name": "new"}
    assert facts(instance_of(**given))["project_name"] == "new"


def test_the_first_source_that_has_a_password_counts(
    instance_of: Make,
    keep: Callable[..., str],
    openrc: Callable[..., str],
    clouds: dict[str, str],
) -> None:
    file = keep("from-file\nsecond line\n", "password")
    given = {**ACCOUNT, "os_password_file": file, "openrc": openrc(), **clouds}
    for counts, dropped in (
        ("from-clouds", "os_cloud"),
        ("from-openrc", "openrc"),
        ("from-file", "os_password_file"),
        ("sesame", None),
    ):
        assert facts(instance_of(**given))["password"] == counts
        if dropped:
            del given[dropped]
    # an openrc that prompts for the password, with that line removed
    given = {"openrc": openrc(OS_PASSWORD=""), "os_password_file": file}
    assert facts(instance_of(**given))["password"] == "from-file"


@pytest.mark.parametrize("text", ["one", "one\n", "one\r\n", "one\ntwo\n", "\ufeffone"])
def test_the_first_line_is_the_password(
    instance_of: Make, keep: Callable[..., str], text: str
) -> None:
    given = {name: value for name, value in ACCOUNT.items() if name != "os_password"}
    instance = instance_of(**given, os_password_file=keep(text))
    assert account_of(instance) is not None
    assert facts(instance)["password"] == "one"


def test_an_application_credential(
    instance_of: Make,
    keep: Callable[..., str],
    openrc: Callable[..., str],
    clouds: dict[str, str],
) -> None:
    own = {"os_auth_url": ACCOUNT["os_auth_url"], "os_application_credential_id": "a1"}
    file = openrc(
        OS_PASSWORD="", OS_APPLICATION_CREDENTIAL_ID="a1", OS_APPLICATION_CREDENTIAL_SECRET="s1"
    )
    for secret, given in (
        ("s1", {**own, "os_application_credential_secret": "s1"}),
        ("s2", {**own, "os_password_file": keep("s2")}),
        ("s1", {"openrc": file}),
        ("from-clouds", {**clouds, "os_cloud": "limited"}),
    ):
        instance = instance_of(demo(api=Api(1, "/", "/{project}/x")), **given)
        assert account_of(instance) is not None, given
        found = credentials.gather(instance.parameters)
        assert found.is_application
        assert found.application_credential_id == "a1"
        assert found.application_credential_secret == secret
        assert found.secrets == [secret]


# -- what cannot be used -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"OS_USERNAME": ""}, "brings no user"),
        ({"OS_PASSWORD": ""}, "brings no password"),
        ({"OS_AUTH_URL": "", "OS_USERNAME": ""}, "brings no URL and no user"),
        ({"OS_AUTH_URL": "keystone:5000"}, "must be a URL such as"),
        ({"OS_AUTH_URL": "http://me:sesame@host/"}, "must not hold a user or password"),
        ({"OS_APPLICATION_CREDENTIAL_ID": "x"}, "brings no secret of the application"),
        ({"OS_AUTH_TYPE": "v3oidcpassword"}, "v3oidcpassword"),
    ],
)
def test_a_file_that_brings_too_little(
    instance_of: Make, openrc: Callable[..., str], changes: dict[str, str], words: str
) -> None:
    path = openrc(**changes)
    with pytest.raises(InvalidHere) as caught:
        credentials.gather(instance_of(openrc=path).parameters)
    assert words in str(caught.value)
    assert path in str(caught.value)
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    ("cloud", "words"),
    [
        ("nowhere", "has no cloud nowhere: check os_cloud"),
        ("other", "has auth_type v3token"),
        ("remote", "has a profile on the network"),
        ("packaged", "has a profile on the network"),
        ("empty", "brings no URL and no user and no password"),
    ],
)
def test_a_cloud_that_cannot_be_used(
    instance_of: Make, clouds: dict[str, str], cloud: str, words: str
) -> None:
    with pytest.raises(InvalidHere) as caught:
        credentials.gather(instance_of(**{**clouds, "os_cloud": cloud}).parameters)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["clouds: *sesame", "clouds: {monitoring: !sesame x}", "clouds: [sesame", "a: b: sesame"],
    ids=range(4),
)
def test_a_broken_clouds_yaml_is_named_with_its_line_and_not_shown(
    instance_of: Make, keep: Callable[..., str], clouds: dict[str, str], text: str
) -> None:
    path = keep("# first\n" + text + "\n", "clouds.yaml")
    with pytest.raises(InvalidHere) as caught:
        credentials.gather(instance_of(**clouds).parameters)
    assert re.fullmatch(f"line [23] of {path} is no YAML", str(caught.value))


@pytest.mark.parametrize(
    "text", ["", "clouds:", "[]", "sesame", "clouds: {monitoring: sesame}"], ids=range(5)
)
def test_any_yaml_is_no_bug(
    instance_of: Make, keep: Callable[..., str], clouds: dict[str, str], text: str
) -> None:
    keep(text, "clouds.yaml")
    with pytest.raises(InvalidHere) as caught:
        credentials.gather(instance_of(**clouds).parameters)
    assert "sesame" not in str(caught.value)


def test_a_secure_yaml_beside_it_is_read_and_judged(
    instance_of: Make, keep: Callable[..., str], clouds: dict[str, str]
) -> None:
    text = "clouds: {monitoring: {auth: {password: from-secure}}}\n"
    path = keep(text, "secure.yaml", 0o644)
    found = credentials.gather(instance_of(**clouds).parameters)
    assert found.password == "from-secure"
    assert f"chmod 600 {path}" in found.exposure


def test_neither_environment_nor_working_folder_has_a_say(
    instance_of: Make,
    keep: Callable[..., str],
    clouds: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "there").mkdir()
    for name in ("clouds.yaml", "secure.yaml", "clouds-public.yaml"):
        keep("clouds: {monitoring: {auth: {password: of-the-folder}}}", f"there/{name}")
    monkeypatch.chdir(tmp_path / "there")
    for name in ("OS_PASSWORD", "OS_CLOUD", "OS_AUTH_URL"):
        monkeypatch.setenv(name, "of-the-environment")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "there" / "clouds.yaml"))
    found = facts(instance_of(**clouds))
    assert (found["password"], found["auth_url"]) == ("from-clouds", "http://192.0.2.8:5000/v3")


# -- the files themselves ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (0o600, ""),
        (0o400, ""),
        (0o640, ""),  # group root may read it
        (0o644, "be read by everybody"),
        (0o604, "be read by everybody"),
        (0o620, "be changed by others"),
        (0o602, "be changed by others"),
    ],
)
def test_who_else_can_get_at_a_file(keep: Callable[..., str], mode: int, words: str) -> None:
    path = keep("x", mode=mode)
    os.chown(path, -1, 0) if os.geteuid() == 0 else None
    _, exposure = secretfile.read(path, "parameter openrc")
    expected = f"{path} (parameter openrc) can {words}: chmod 600 {path}" if words else ""
    assert exposure == expected


@pytest.mark.root
def test_another_group_and_another_owner_count(keep: Callable[..., str]) -> None:
    path = keep("x", mode=0o640)
    os.chown(path, 0, 65534)
    assert "be read by a group: chmod 600" in secretfile.read(path, "parameter openrc")[1]
    os.chown(path, 65534, 0)
    assert secretfile.read(path, "parameter openrc")[1].endswith(
        f"can be read by user nobody: chown root {path}"
    )


def test_what_is_no_plain_file_is_not_read(
    keep: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    keep("x" * (1 << 20) + "x", "large")
    for name in ("fifo", "folder", "large", "missing", "missing/too", "file/too"):
        keep("x")
        with pytest.raises(InvalidHere) as caught:
            secretfile.read(str(tmp_path / name), "parameter openrc")
        assert str(tmp_path / name) in str(caught.value)
        assert "openrc" in str(caught.value)


def test_a_link_is_followed_only_where_nobody_else_could_have_made_it(
    keep: Callable[..., str], tmp_path: Path
) -> None:
    keep("x")
    tmp_path.chmod(0o755)
    (tmp_path / "link").symlink_to("file")
    assert secretfile.read(str(tmp_path / "link"), "parameter openrc")[0] == "x"
    tmp_path.chmod(0o777)
    with pytest.raises(InvalidHere):
        secretfile.read(str(tmp_path / "link"), "parameter openrc")
    assert secretfile.read(str(tmp_path / "file"), "parameter openrc")[0] == "x"


# -- the account of a kept token ---------------------------------------------------------------


def test_a_file_that_changes_is_another_account(
    instance_of: Make, openrc: Callable[..., str], tmp_path: Path
) -> None:
    instance = instance_of(openrc=openrc())
    first = account_of(instance)
    assert first == account_of(instance)
    os.utime(tmp_path / "openrc", ns=(1, 1))
    second = account_of(instance)
    assert first != second
    (tmp_path / "openrc").unlink()
    assert account_of(instance) not in (None, first, second)


@pytest.mark.parametrize("name", ["clouds.yaml", "secure.yaml"])
def test_either_file_of_a_cloud_counts(
    instance_of: Make, keep: Callable[..., str], tmp_path: Path, name: str
) -> None:
    path = str(tmp_path / "clouds.yaml")
    instance = instance_of(os_cloud="x", os_client_config_file=path)
    first = account_of(instance)
    keep("clouds:", name)
    assert first != account_of(instance)


@pytest.mark.parametrize(
    "name",
    [
        *("os_cloud", "os_project_id", "os_user_domain_id", "os_project_domain_id"),
        *("os_application_credential_id", "os_project_name"),
    ],
)
def test_each_parameter_that_is_set_makes_another_account(instance_of: Make, name: str) -> None:
    assert account_of(instance_of(**ACCOUNT)) != account_of(
        instance_of(**ACCOUNT, **{name: "other"})
    )


@pytest.mark.parametrize("path", ["/root/\udcff", "/root/\u2028", "/\0"])
def test_an_account_is_one_line_that_can_be_written(instance_of: Make, path: str) -> None:
    account = account_of(instance_of(openrc=path, action="monitor", **ACCOUNT))
    assert account is not None
    assert "\n" not in account
    assert account.encode()


# -- refused log-ins ---------------------------------------------------------------------------


def pause(instance: Instance, account: str) -> backoff.Backoff:
    return backoff.Backoff(instance.folder, account)


def refuse(instance: Instance, account: str) -> None:
    files.make_state_folder(instance.folder)
    pause(instance, account).note("Identity http://x refused user me", "os_password")


def age(instance: Instance, seconds: float) -> None:
    """Sets the refusal of account "me" back by this many seconds."""
    notes = Notes(token.file_of(instance.folder, "me", "refused"))
    notes["at"] = float(notes["at"]) - seconds
    notes.keep()


def test_a_refused_log_in_waits_longer_each_time(instance_of: Make) -> None:
    instance = instance_of()
    pause(instance, "me").check("it answers")
    waits = []
    for wait in (300, 600, 1200, 2400, 3600, 3600):
        refuse(instance, "me")
        age(instance, wait - 5)
        with pytest.raises(Degraded) as caught:
            pause(instance, "me").check("it answers")
        waits.append(str(caught.value))
        age(instance, 6)
        pause(instance, "me").check("it answers")
    assert waits[0] == (
        "Identity http://x refused user me 295 s ago; tried again in 5 s: check os_password; "
        "it answers (degraded)"
    )
    for _ in range(100):
        refuse(instance, "me")
    age(instance, 1)
    with pytest.raises(Degraded, match="tried again in 3599 s"):
        pause(instance, "me").check("it answers")


def test_another_account_is_tried_at_once_and_other_resources_wait(instance_of: Make) -> None:
    first = instance_of(**ACCOUNT)
    refuse(first, "me")
    with pytest.raises(Degraded):
        pause(instance_of(name="another", **ACCOUNT), "me").check("it answers")
    pause(instance_of(**ACCOUNT), "you").check("it answers")


@pytest.mark.parametrize("changed", [*ACCOUNT, "os_user_domain_name", "os_project_domain_name"])
def test_each_fact_of_a_log_in_makes_another_account(instance_of: Make, changed: str) -> None:
    first, second = instance_of(**ACCOUNT), instance_of(**{**ACCOUNT, changed: "http://x"})
    assert account_of(first) != account_of(second)
    assert account_of(first) == account_of(instance_of(name="another", **ACCOUNT))


def test_an_account_that_was_accepted_starts_anew(instance_of: Make) -> None:
    instance = instance_of()
    refuse(instance, "me")
    pause(instance, "me").forget()
    pause(instance, "me").check("it answers")
    assert os.listdir(instance.folder) == []


def test_two_accounts_with_the_same_number_do_not_mix(instance_of: Make) -> None:
    instance = instance_of()
    refuse(instance, "me")
    path = Path(token.file_of(instance.folder, "me", "refused"))
    path.rename(token.file_of(instance.folder, "you", "refused"))
    pause(instance, "you").check("it answers")


def test_no_secret_is_in_a_note(instance_of: Make) -> None:
    instance = instance_of(**ACCOUNT)
    account = account_of(instance)
    assert account is not None
    refuse(instance, account)
    for path in Path(instance.folder).iterdir():
        assert "sesame" not in path.read_text()


# -- what validate-all says about them ---------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"os_cloud": "x", "openrc": "/x"}, "parameter openrc is not used, because os_cloud is"),
        ({"openrc": "/x", "os_password": "p"}, "os_password is used only if openrc brings no"),
        ({"os_client_config_file": "/x"}, "os_client_config_file has no effect without os_cloud"),
        ({"os_application_credential_id": "a", "os_auth_url": "http://x"}, "secret is not set"),
        ({"os_password_file": "/x"}, "because os_auth_url and os_username are not set"),
        ({"openrc": "/missing"}, ""),
        ({"os_cloud": "x"}, ""),
    ],
)
def test_level_0_warns_of_what_is_not_used(
    instance_of: Make, tmp_path: Path, given: dict[str, str], words: str
) -> None:
    log = Log({"HA_LOGFACILITY": "none", "HA_LOGFILE": str(tmp_path / "log")}, "demo", "test")
    validate.parameters(instance_of(**given), log)
    text = (tmp_path / "log").read_text() if (tmp_path / "log").exists() else ""
    assert words in text
    assert bool(words) == bool(text)
