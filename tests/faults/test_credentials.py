"""Sources of credentials, and the result of a refused login: a service and its Identity."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import pace
from tests.calling import Result
from tests.faults.rig import LATE, PASSWORD, Rig

pytestmark = pytest.mark.root

LOG_IN = "POST /v3/auth/tokens"
SECRET = "secret-of-an-application"
EVIDENCE = "; the service itself answers (degraded)"
PACKAGE = Path("/usr/lib/python3/dist-packages/openstack")
NEEDS_SDK = pytest.mark.skipif(not PACKAGE.exists(), reason="needs python3-openstacksdk")


@pytest.fixture
def identity(make_rig: Callable[..., Rig]) -> Rig:
    """A running Identity that knows a user and an application credential."""
    made = make_rig(folder="identity")
    made.set(password=PASSWORD, application_secret=SECRET)
    made.start()
    return made


@pytest.fixture
def service(make_rig: Callable[..., Rig], identity: Rig) -> Rig:
    """A service whose API needs a token with a project; it is not started yet."""
    made = make_rig(agent="nova-api", folder="service").configure(transport_url="fake://")
    made.parameters["os_auth_url"] = url(identity)
    return made


@pytest.fixture
def asking(service: Rig) -> Rig:
    """The same service, running, with credentials in parameters. No token is kept."""
    service.parameters.update(os_username="admin", os_password=PASSWORD, os_project_name="admin")
    service.start()
    return renew(service)


def url(identity: Rig) -> str:
    return f"http://127.0.0.1:{identity.port}/v3"


def keep(rig: Rig, name: str, text: str, mode: int = 0o600) -> Path:
    path = rig.folder / name
    path.write_text(text)
    path.chmod(mode)
    return path


def openrc(rig: Rig, password: str = PASSWORD, **more: str) -> Path:
    facts = {"OS_USERNAME": "admin", "OS_PASSWORD": password, "OS_PROJECT_NAME": "admin", **more}
    lines = [f"export {name}='{value}'\n" for name, value in facts.items()]
    path = keep(rig, "openrc", "".join(lines))
    rig.parameters["openrc"] = str(path)
    return path


def clouds(rig: Rig, password: str = PASSWORD) -> Path:
    auth = f"{{username: admin, password: '{password}', project_name: admin}}"
    path = keep(rig, "clouds.yaml", f"clouds: {{monitoring: {{auth: {auth}}}}}\n")
    rig.parameters.update(os_cloud="monitoring", os_client_config_file=str(path))
    return path


def password_file(rig: Rig, password: str = PASSWORD) -> Path:
    path = keep(rig, "password", password + "\n")
    rig.parameters.update(os_username="admin", os_project_name="admin", os_password_file=str(path))
    return path


SOURCES = [
    openrc,
    pytest.param(clouds, marks=NEEDS_SDK),
    password_file,
]


def renew(rig: Rig) -> Rig:
    """Delete the cached token, so that the next monitor has to log in."""
    rig.token_file.unlink(missing_ok=True)
    return rig


def twice(rig: Rig, level: int | None = None, **more: object) -> Result:
    """The result of the second of two monitors: a failed dependency counts from the second poll."""
    rig.monitor(level, **more)
    return rig.monitor(level, **more)


# --- each source


@pytest.mark.parametrize("source", SOURCES)
def test_a_file_logs_in_and_its_token_is_kept(
    service: Rig, identity: Rig, source: Callable[..., Path]
) -> None:
    source(service)
    assert service.caller("validate-all", level=10).code == 0
    service.start()
    for level in (10, 10, 10):
        result = service.monitor(level)
        assert result.code == 0, result
    assert identity.count("login accepted") == 1


@pytest.mark.parametrize("source", SOURCES)
def test_a_file_that_changes_is_logged_in_with_at_once(
    service: Rig, identity: Rig, source: Callable[..., Path]
) -> None:
    source(service)
    service.start()
    assert service.monitor().code == 0
    source(service, "wrong")
    result = service.monitor()
    assert result.code == 190, result
    assert "refuses user admin" in result.reason[:128]
    source(service)
    assert service.monitor().code == 0
    assert identity.count("login") == 3


@pytest.mark.parametrize("where", ["parameter", "password file", "openrc"])
def test_an_application_credential_logs_in(service: Rig, identity: Rig, where: str) -> None:
    if where == "openrc":
        lines = f"OS_APPLICATION_CREDENTIAL_ID=a1\nOS_APPLICATION_CREDENTIAL_SECRET={SECRET}\n"
        service.parameters["openrc"] = str(keep(service, "openrc", lines))
    else:
        service.parameters["os_application_credential_id"] = "a1"
    if where == "parameter":
        service.parameters["os_application_credential_secret"] = SECRET
    if where == "password file":
        service.parameters["os_password_file"] = str(keep(service, "password", SECRET))
    service.start()
    for _ in range(2):
        result = service.monitor()
        assert result.code == 0, result
    assert identity.count("login accepted a1") == 1
    identity.set(application_secret="another")
    result = renew(service).monitor()
    assert result.code == 190
    assert "refuses application credential a1" in result.reason[:128]


def test_ids_do_in_place_of_names(asking: Rig, identity: Rig) -> None:
    identity.set(domain="Heroes", project="Villains")
    assert asking.monitor().code == 190
    del asking.parameters["os_project_name"]
    ids = {"os_project_id": "p1", "os_user_domain_id": "default"}
    result = asking.monitor(**ids)
    assert result.code == 0, result
    assert asking.monitor(**{**ids, "os_project_id": "p2"}).code == 190


def test_a_log_in_without_the_project_that_the_api_needs_is_degraded(
    service: Rig, identity: Rig
) -> None:
    path = openrc(service)
    path.write_text("\n".join(path.read_text().splitlines()[:2]) + "\n")
    service.start()
    result = service.monitor()
    assert result.code == 190, result
    assert "token without a project" in result.reason[:128]
    assert service.monitor(os_project_id="p1").code == 0


def test_an_openrc_is_not_run(service: Rig) -> None:
    trace = service.folder / "trace"
    path = openrc(service)
    path.write_text(f"touch {trace}\nX=$(touch {trace})\n`touch {trace}`\n" + path.read_text())
    service.start()
    assert service.monitor().code == 0
    assert not trace.exists()


# --- the files themselves


@pytest.mark.parametrize("source", SOURCES)
def test_a_file_that_others_can_read_is_no_start(service: Rig, source: Callable[..., Path]) -> None:
    path = source(service)
    path.chmod(0o644)
    assert service.caller("validate-all").code == 0
    for action in ("validate-all", "start"):
        result = service.caller(action, level=10)
        assert result.code == 2, result
        assert f"chmod 600 {path}" in result.reason
        assert "can be read by everybody" in result.reason
    assert service.processes() == []


@pytest.mark.parametrize("source", SOURCES)
def test_monitor_and_stop_tolerate_a_file_that_others_can_read(
    service: Rig, source: Callable[..., Path]
) -> None:
    path = source(service)
    service.start()
    path.chmod(0o644)
    for _ in range(3):
        result = renew(service).monitor()
        assert result.code == 0, result
    assert service.agent_log.count(f"chmod 600 {path}") == 1
    path.chmod(0o600)
    assert renew(service).monitor().code == 0
    path.chmod(0o644)
    assert renew(service).monitor().code == 0
    assert service.agent_log.count(f"chmod 600 {path}") == 2
    service.stop()
    assert service.agent_log.count("chmod") == 2


@pytest.mark.parametrize("source", SOURCES)
def test_a_missing_file_is_no_start_and_degraded_in_a_monitor(
    service: Rig, source: Callable[..., Path]
) -> None:
    path = source(service)
    service.start()
    assert service.monitor().code == 0
    path.unlink()
    result = service.monitor()
    assert result.code == 190, result
    assert str(path) in result.reason[:128]
    assert service.probe().code == 0
    service.stop()
    assert service.caller("validate-all").code == 0
    for action in ("validate-all", "start"):
        result = service.caller(action, level=10)
        assert result.code == 2, result
        assert f"{path} is not on this host" in result.reason


@NEEDS_SDK
def test_without_openstacksdk_the_package_is_named(service: Rig, base: Path) -> None:
    clouds(service)
    service.start()
    renew(service)
    empty = base / "empty"
    empty.mkdir()
    done = service.call_with("monitor", {str(PACKAGE): empty})
    assert done.code == 0, done  # a probe
    service.parameters["CRM_meta_interval"] = "10000"
    done = service.call_with("monitor", {str(PACKAGE): empty})
    assert done.code == 190, done
    assert "python3-openstacksdk" in done.reason
    done = service.call_with("start", {str(PACKAGE): empty})
    assert done.code == 5, done
    assert "python3-openstacksdk" in done.reason


# --- a refused login must not lock the account


def test_a_refused_account_is_left_alone(asking: Rig, identity: Rig) -> None:
    identity.set(password="rotated")
    first = asking.monitor()
    assert first.code == 190
    assert f"Identity http://127.0.0.1:{identity.port} refuses user admin" in first.reason
    tried, asked = identity.count("request"), asking.count("request GET / ")
    for level in (10, 20, 10):
        result = asking.monitor(level)
        assert result.code == 190, result
        assert "refused user admin" in result.reason[:128]
        assert "tried again in " in result.reason[:128]
        assert "os_password" in result.reason[:128], "Pacemaker keeps no more of it"
    assert identity.count("request") == tried
    # without a token each monitor asks the API's root, as evidence that the service lives
    assert asking.count("request GET / ") == asked + 3
    asking.set(mode="500")
    assert asking.monitor().code == 1


def test_it_is_tried_again_after_300_s_then_600(asking: Rig, identity: Rig) -> None:
    identity.set(password="rotated")
    assert asking.monitor().code == 190
    for tries, seconds in enumerate((300, 600, 1200), 1):
        asking.age(seconds - LATE)
        assert asking.monitor().code == 190
        assert identity.count("login refused") == tries, seconds
        asking.age(LATE)
        assert asking.monitor().code == 190
        assert identity.count("login refused") == tries + 1, seconds
    identity.set(password=PASSWORD)
    asking.age(2400)
    assert asking.monitor().code == 0
    assert not list(asking.file("notes").parent.glob("account-*.refused"))


def test_another_password_is_tried_at_once(asking: Rig, identity: Rig) -> None:
    """Pacemaker does not call reload-agent after cibsecret has changed a password."""
    identity.set(password="rotated")
    assert asking.monitor().code == 190
    assert asking.monitor(os_password="rotated").code == 0


def test_reload_agent_has_it_tried_at_once(asking: Rig, identity: Rig) -> None:
    identity.set(password="rotated")
    assert asking.monitor().code == 190
    identity.set(password=PASSWORD)
    assert asking.monitor().code == 190
    assert asking.caller("reload-agent").code == 0
    assert asking.monitor().code == 0


def test_a_start_tries_again_after_60_s(asking: Rig, identity: Rig) -> None:
    """Whoever has mended the account restarts a resource to see it; a loop of starts must not lock
    the account."""
    asking.stop()
    asking.start(os_password="wrong")
    assert identity.count("login refused") == 1
    asking.stop()
    asking.start(os_password="wrong")
    assert identity.count("login refused") == 1
    asking.age(60)
    assert asking.monitor(os_password="wrong").code == 190
    assert identity.count("login refused") == 1
    asking.stop()
    asking.start(os_password="wrong")
    assert identity.count("login refused") == 2


def test_a_token_that_is_good_is_used_while_the_account_is_refused(
    asking: Rig, identity: Rig
) -> None:
    assert asking.monitor().code == 0
    identity.set(password="rotated")
    assert asking.monitor(20).code == 190
    assert asking.monitor(10).code == 0


def test_identity_itself_is_left_alone_too(identity: Rig) -> None:
    identity.give_credentials(os_password="wrong")
    for _ in range(3):
        assert identity.monitor().code == 190
    assert identity.count("login refused") == 1


# --- Identity is not the service


def test_an_identity_that_errs_is_degraded(asking: Rig, identity: Rig) -> None:
    for mode, words in (
        ("500", "answered 500"),
        ("503", "answered 503"),
        ("close", "failed a log-in"),
        ("garbage", "failed a log-in"),
        ("nonsense", "answers a log-in with nonsense"),
        ("hang", "did not answer within 2 s"),
        ("trickle:0.3", "did not answer within 2 s"),
    ):
        identity.answer(LOG_IN, mode)
        result = twice(asking)
        assert result.code == 190, (mode, result)
        assert result.reason.startswith(f"Identity http://127.0.0.1:{identity.port} ")
        assert words in result.reason[:128]
        assert result.reason.endswith(EVIDENCE)


def test_an_identity_that_is_gone_is_degraded(asking: Rig, identity: Rig) -> None:
    identity.stop()
    result = twice(asking)
    assert result.code == 190, result
    assert f"Identity http://127.0.0.1:{identity.port} refused the connection" in result.reason
    assert result.reason.endswith(EVIDENCE)


def test_identity_is_waited_for_5_s_alone(asking: Rig, identity: Rig) -> None:
    """A monitor must end within its timeout, and the service itself answers."""
    identity.answer(LOG_IN, "hang")
    result = twice(asking, api_timeout=15)
    assert result.code == 190, result
    assert "did not answer within 5 s" in result.reason[:128]
    assert pace.is_within(result.seconds, 12)


# --- secrets (contract 10)


@pytest.mark.parametrize("source", SOURCES)
def test_no_secret_of_a_file_is_in_a_log_or_a_reason(
    service: Rig, identity: Rig, source: Callable[..., Path]
) -> None:
    source(service)
    service.start()
    results, before = [], identity.count("request " + LOG_IN)
    for mode in ("echo:400", "echo:403", "echo:500"):
        identity.answer(LOG_IN, mode)
        results += [renew(service).monitor(), service.monitor(20)]
    assert identity.count("request " + LOG_IN) == before + 6
    results.append(service.probe())
    results.append(service.caller("validate-all", level=10))
    results.append(service.caller("reload-agent"))
    texts = [result.out + result.err for result in results]
    texts += [service.agent_log, service.file("notes").read_text()]
    assert any("degraded" in text for text in texts)
    assert not any(PASSWORD in text for text in texts)


def test_an_openrc_that_needs_a_shell_is_named_with_its_line(service: Rig) -> None:
    openrc(service)
    service.start()
    path = openrc(service)
    path.write_text(path.read_text() + f'OS_PASSWORD="{PASSWORD}$X"\n')
    result = service.monitor()
    assert result.code == 190, result
    assert f"line 4 of {path} needs a shell" in result.reason[:128]
    assert PASSWORD not in result.out + result.err + service.agent_log
    result = service.caller("validate-all", level=10)
    assert result.code == 2
    assert os.fspath(path) in result.reason
