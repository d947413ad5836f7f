"""The monitor with credentials: its requests, its result, and its secrets (contract 10, 23;
predecessors 10, 11, 13)."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from tests.faults.rig import PASSWORD, Rig

pytestmark = pytest.mark.root

LOG_IN = "POST /v3/auth/tokens"


@pytest.fixture
def asking(running: Rig) -> Rig:
    """A running instance with credentials."""
    return running.give_credentials()


def test_a_kept_token_is_used_again(asking: Rig) -> None:
    for _ in range(4):
        assert asking.monitor().code == 0
    assert asking.count("login") == 1
    assert asking.count("request GET /v3/auth/tokens") == 4


def test_a_monitor_with_a_kept_token_asks_once(asking: Rig) -> None:
    assert asking.monitor().code == 0
    asked = asking.count("request")
    assert asking.monitor().code == 0
    assert asking.count("request") == asked + 1


def test_the_token_is_for_root_alone(asking: Rig) -> None:
    assert asking.monitor().code == 0
    kept, folder = asking.token_file.stat(), asking.token_file.parent.stat()
    assert (kept.st_mode & 0o7777, kept.st_uid) == (0o600, 0)
    assert (folder.st_mode & 0o7777, folder.st_uid) == (0o700, 0)


def test_a_token_that_has_ended_is_not_used(asking: Rig) -> None:
    assert asking.monitor().code == 0
    asking.leave_token(30)
    assert asking.monitor().code == 0
    assert asking.monitor().code == 0
    assert asking.count("login") == 2
    asking.leave_token(30)
    asking.answer(LOG_IN, "500")
    assert asking.monitor().code == 1


def test_a_token_that_nears_its_end_is_renewed_while_it_is_good(asking: Rig) -> None:
    assert asking.monitor().code == 0
    asking.leave_token(200)
    asking.answer(LOG_IN, "500")
    assert asking.monitor().code == 0, "the old one still serves"
    asking.answer(LOG_IN, "ok")
    assert asking.monitor().code == 0
    assert asking.monitor().code == 0
    assert asking.count("login") == 2


def test_a_token_that_is_refused_is_renewed(asking: Rig) -> None:
    """The token became invalid early: it was revoked, or its Fernet key was rotated out."""
    assert asking.monitor().code == 0
    held = asking.token_file.read_text()
    asking.set(revoked=held.splitlines()[3].split("-")[3])
    asking.set(revoked=float(held.splitlines()[3].split("-")[2]) + 0.001)
    assert asking.monitor().code == 0
    assert asking.count("login") == 2
    assert asking.token_file.read_text() != held
    assert asking.monitor().code == 0
    assert asking.count("login") == 2


@pytest.mark.parametrize("text", ["", "\n\n\n\n", "a|b\n3\n99999999999\nx\n", "\0" * 5000])
def test_a_garbled_token_file_costs_a_log_in(asking: Rig, text: str) -> None:
    assert asking.monitor().code == 0
    asking.token_file.write_text(text)
    assert asking.monitor().code == 0
    assert asking.count("login accepted") == 2


def test_a_token_with_an_unknown_version_costs_a_log_in(asking: Rig) -> None:
    """The token file may have this content after a downgrade of the agents."""
    assert asking.monitor().code == 0
    lines = asking.token_file.read_text().splitlines()
    lines[1] = "4"
    asking.token_file.write_text("\n".join(lines) + "\n")
    result = asking.monitor()
    assert result.code == 0, result


def test_a_token_that_cannot_be_kept_is_no_fault(asking: Rig) -> None:
    asking.lose_state()
    asking.caller.rsctmp.write_text("")
    assert asking.monitor().code == 0
    assert asking.monitor().code == 0
    assert asking.count("login accepted") == 2


def test_a_token_file_that_others_could_write_is_not_read(asking: Rig) -> None:
    assert asking.monitor().code == 0
    asking.token_file.parent.chmod(0o777)
    assert asking.monitor().code == 0
    assert asking.count("login accepted") == 2


def test_another_user_name_does_not_use_the_token(asking: Rig) -> None:
    assert asking.monitor().code == 0
    result = asking.monitor(os_username="somebody")
    assert result.code == 190


def test_level_20_logs_in_each_time_and_uses_the_token(asking: Rig) -> None:
    for _ in range(2):
        assert asking.monitor(20).code == 0
    assert asking.count("login accepted") == 2
    assert asking.count("request GET /v3/auth/projects") == 2


# --- a failed login is not a failed service (predecessor 13)


@pytest.mark.parametrize(
    ("wrong", "level"),
    [
        ("os_password", 10),
        ("os_password", 20),
        ("os_username", 10),
        ("os_tenant_name", 10),
        ("os_user_domain_name", 10),
        ("os_project_domain_name", 10),
    ],
)
def test_wrong_credentials_are_degraded_not_failed(asking: Rig, wrong: str, level: int) -> None:
    result = asking.monitor(level, **{wrong: "wrong"})
    assert result.code == 190
    assert "refuses user" in result.reason[:128]
    for parameter in ("os_username", "os_password", "os_tenant_name", "domain"):
        assert parameter in result.reason


def test_a_password_that_was_changed_is_degraded_once_the_token_is_gone(asking: Rig) -> None:
    assert asking.monitor().code == 0
    asking.set(password="another")
    assert asking.monitor().code == 0
    assert asking.monitor(20).code == 190
    asking.token_file.unlink(missing_ok=True)
    assert asking.monitor().code == 190
    assert asking.monitor(os_password="another").code == 0


@pytest.mark.parametrize("missing", ["os_auth_url", "os_username", "os_password"])
def test_without_full_credentials_it_asks_without(asking: Rig, missing: str) -> None:
    del asking.parameters[missing]
    assert asking.monitor().code == 0
    assert asking.count("login") == 0


def test_a_probe_is_0_where_the_log_in_is_refused(asking: Rig) -> None:
    """Pacemaker treats a probe's 190 as 0. The result must never be 7."""
    assert asking.probe(os_password="wrong").code in (0, 190)


@pytest.mark.parametrize("mode", ["403", "429"])
def test_a_log_in_that_may_not_be_is_degraded(asking: Rig, mode: str) -> None:
    asking.answer(LOG_IN, mode)
    assert asking.monitor().code == 190


@pytest.mark.parametrize("mode", ["500", "close", "garbage"])
def test_a_log_in_that_errs_is_failed(asking: Rig, mode: str) -> None:
    """The service is Identity itself, and it cannot issue tokens."""
    asking.answer(LOG_IN, mode)
    result = asking.monitor()
    assert result.code == 1
    assert "bug" not in result.reason
    assert "log-in" in result.reason[:128]


@pytest.mark.parametrize(
    ("request_", "mode"),
    [
        (LOG_IN, "hang"),
        (LOG_IN, "trickle:0.3"),
        ("GET /v3/auth/projects", "trickle:0.3"),
        ("GET /v3/auth/tokens", "hang"),
    ],
)
def test_a_log_in_that_takes_for_ever_is_failed_within_api_timeout(
    asking: Rig, mode: str, request_: str
) -> None:
    asking.answer(request_, mode)
    result = asking.monitor(20, api_timeout=1, timeout=12)
    assert result.code == 1
    assert "within 1 s" in result.reason
    assert result.is_in_time
    assert "bug" not in result.reason


@pytest.mark.parametrize(
    ("request_", "level"), [("GET /", 10), (LOG_IN, 10), ("GET /v3/auth/projects", 20)]
)
def test_nonsense_is_no_bug_of_the_agent(asking: Rig, request_: str, level: int) -> None:
    asking.answer(request_, "nonsense")
    result = asking.monitor(level)
    assert "bug" not in result.reason, asking.agent_log


def test_an_error_to_a_kept_token_is_failed(asking: Rig) -> None:
    assert asking.monitor().code == 0
    asking.answer("GET /v3/auth/tokens", "500")
    result = asking.monitor()
    assert result.code == 1
    assert "answered 500" in result.reason[:128]


def test_a_token_that_is_always_refused_is_degraded(asking: Rig) -> None:
    asking.answer("GET /v3/auth/tokens", "401")
    result = asking.monitor()
    assert result.code == 190
    assert "refuses the token" in result.reason[:128]


def test_a_region_that_the_catalog_lacks_is_degraded(asking: Rig) -> None:
    assert asking.monitor(20, os_region_name="RegionOne").code == 0
    result = asking.monitor(20, os_region_name="Atlantis")
    assert result.code == 190
    assert "Atlantis" in result.reason[:128]


# --- old and new versions of Identity


@pytest.mark.parametrize("path", ["", "/v2.0/", "/v3", "/v3/auth/tokens"])
def test_the_version_is_discovered_whatever_the_url_says(asking: Rig, path: str) -> None:
    result = asking.monitor(10, os_auth_url=f"http://127.0.0.1:{asking.port}{path}")
    if path.endswith("tokens"):
        assert result.code in (0, 1, 190)  # not the base URL of an API; only a bug is wrong here
        assert "bug" not in result.reason
    else:
        assert result.code == 0, result


def test_a_keystone_of_grizzly_is_logged_in_to(rig: Rig) -> None:
    rig.give_credentials().set(api="grizzly")
    rig.start()
    for level in (10, 10, 20):
        result = rig.monitor(level)
        assert result.code == 0, result
    assert rig.count("request POST /v2.0/tokens") == 2
    assert rig.monitor(20, os_password="wrong").code == 190


def test_an_unscoped_user_is_logged_in(asking: Rig) -> None:
    del asking.parameters["os_tenant_name"]
    for level in (10, 20):
        result = asking.monitor(level)
        assert result.code == 0, result


def test_domains_are_those_of_the_parameters(asking: Rig) -> None:
    asking.set(domain="Heroes")
    assert asking.monitor().code == 190
    result = asking.monitor(os_user_domain_name="Heroes", os_project_domain_name="Heroes")
    assert result.code == 0, result


def test_the_log_in_is_made_at_this_instance(asking: Rig) -> None:
    """os_auth_url has the virtual address, which may be on another node or on none."""
    result = asking.monitor(os_auth_url="http://192.0.2.103:5000/v2.0/")
    assert result.code == 0, result
    assert asking.count("login accepted") == 1


def test_proxies_of_the_environment_are_not_used(asking: Rig) -> None:
    proxy = "http://127.0.0.1:9"
    names = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY")
    assert asking.monitor(20, extra=dict.fromkeys(names, proxy)).code == 0


def test_a_netrc_of_root_is_not_used(asking: Rig, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login x password y\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert asking.monitor(20, extra={"HOME": str(tmp_path)}).code == 0


# --- secrets (contract 10)


def secrets_of(rig: Rig) -> list[str]:
    token = rig.token_file.read_text().splitlines()[3] if rig.token_file.exists() else ""
    return [secret for secret in (PASSWORD, token) if secret]


def test_no_secret_is_in_a_log_or_a_reason(asking: Rig) -> None:
    results = [asking.monitor(10), asking.monitor(20), asking.monitor(10, os_username="x")]
    asking.answer(LOG_IN, "500")
    results.append(asking.monitor(20))
    asking.set(mode="garbage")
    results.append(asking.monitor(20))
    results.append(asking.caller("validate-all", level=10))
    results.append(asking.caller("stop"))
    asking.set(mode="ok")
    texts = [r.out + r.err for r in results]
    texts += [asking.agent_log, asking.log_file.read_text()]
    debug = asking.folder / "debug.log"
    extra = {"HA_debug": "1", "HA_DEBUGLOG": str(debug)}
    for action in ("start", "monitor", "stop"):
        done = asking.caller(action, extra=extra)
        texts.append(done.out + done.err)
    texts.append(debug.read_text() if debug.exists() else "")
    for secret in secrets_of(asking):
        assert not any(secret in text for text in texts)


def test_no_secret_is_in_the_daemon(rig: Rig) -> None:
    rig.give_credentials()
    rig.start()
    assert rig.monitor().code == 0
    assert len(secrets_of(rig)) == 2
    for process in rig.processes():
        shown = " ".join(process.cmdline()) + str(process.environ())
        assert not any(secret in shown for secret in secrets_of(rig))


def test_no_secret_is_on_a_command_line(asking: Rig) -> None:
    """Predecessor 11: `ps` shows no secret while a monitor runs."""
    asking.answer(LOG_IN, "slow:0.5")
    child = asking.spawn("monitor")
    shown = []
    while child.poll() is None:
        for process in psutil.process_iter():
            try:
                shown.append(" ".join(process.cmdline()))
            except psutil.NoSuchProcess:
                continue
    assert child.returncode == 0
    assert not any(secret in line for secret in secrets_of(asking) for line in shown)


def test_no_file_that_others_can_read_holds_a_secret(asking: Rig) -> None:
    assert asking.monitor().code == 0
    assert asking.monitor(20).code == 0
    secrets = [secret.encode() for secret in secrets_of(asking)]
    assert len(secrets) == 2
    for path in asking.folder.rglob("*"):
        if path.is_file() and path != asking.config and path.stat().st_mode & 0o077:
            assert not any(secret in path.read_bytes() for secret in secrets), path


def test_a_token_is_kept_over_a_restart(asking: Rig) -> None:
    assert asking.monitor().code == 0
    asking.stop()
    asking.start()
    assert asking.monitor().code == 0
    assert asking.count("login") == 1


def test_a_token_that_is_refused_after_a_restart_is_renewed_by_start(asking: Rig) -> None:
    assert asking.monitor().code == 0
    asking.stop()
    asking.set(revoked=float(asking.token_file.read_text().splitlines()[3].split("-")[2]) + 0.001)
    asking.start()
    assert asking.count("login") == 2
    assert asking.monitor().code == 0
    assert asking.count("login") == 2
