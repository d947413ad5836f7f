"""An API behind TLS, with a certificate that no public authority signed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import pace
from tests.faults.rig import Rig, free_port

pytestmark = pytest.mark.root

NAME = "keystone.example"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for `NAME` and localhost, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate: install openssl")
    folder = tmp_path_factory.mktemp("tls")
    made = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", f"/CN={NAME}", "-out", made[0], "-keyout", made[1],
         "-addext", f"subjectAltName=DNS:{NAME},DNS:localhost"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return made


@pytest.fixture
def secure(rig: Rig, certificate: tuple[Path, Path]) -> Rig:
    """An instance with TLS and credentials; nothing is started yet."""
    for path in certificate:
        copy = Path(shutil.copy(path, rig.config.parent))
        os.chown(copy, rig.account.pw_uid, rig.account.pw_gid)
    folder = rig.config.parent
    rig.set(certificate=folder / "certificate.pem", key=folder / "key.pem")
    rig.give_credentials(os_auth_url=f"https://{NAME}:5000/v3")
    return rig


def authority(rig: Rig) -> Path:
    return rig.config.parent / "certificate.pem"


@pytest.mark.parametrize("how", ["authority", "insecure"])
def test_a_private_authority(secure: Rig, how: str) -> None:
    """The agent connects to the daemon's socket and verifies the name that clients use."""
    if how == "authority":
        secure.parameters["os_cacert"] = str(authority(secure))
    else:
        secure.parameters["insecure"] = "true"
    secure.start()
    for level in (0, 10, 10, 20):
        result = secure.monitor(level)
        assert result.code == 0, result
    assert secure.count("login accepted") == 2


def test_an_unknown_authority_is_degraded_not_failed(secure: Rig) -> None:
    secure.start()
    result = secure.monitor()
    assert result.code == 190
    assert "certificate" in result.reason.lower()


def test_another_name_is_degraded_not_failed(secure: Rig) -> None:
    secure.parameters["os_cacert"] = str(authority(secure))
    secure.parameters["os_auth_url"] = "https://another.example:5000/v3"
    secure.start()
    assert secure.monitor().code == 190


def test_a_url_that_is_named_is_verified(secure: Rig) -> None:
    secure.parameters["url"] = f"https://localhost:{secure.port}"
    secure.start()
    assert secure.monitor().code == 190
    assert secure.monitor(os_cacert=authority(secure), os_auth_url="https://localhost/").code == 0


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_broken_authority_file_is_degraded_not_failed(secure: Rig, content: str | None) -> None:
    """A CA file that is missing on this host is no reason to restart the service."""
    lost = secure.folder / "lost.pem"
    secure.parameters["os_cacert"] = str(lost)
    lost.write_text(authority(secure).read_text())
    secure.start()
    if content is None:
        lost.unlink()
    else:
        lost.write_text(content)
    secure.token_file.unlink(missing_ok=True)
    result = secure.monitor()
    assert result.code == 190, result
    assert "os_cacert" in result.reason or str(lost) in result.reason


@pytest.mark.parametrize("mode", ["hang", "500", "close"])
def test_a_failing_api_is_1_under_tls_too(secure: Rig, mode: str) -> None:
    secure.parameters["insecure"] = "true"
    secure.start()
    assert secure.monitor().code == 0
    secure.set(mode=mode)
    result = secure.monitor(api_timeout=2)
    assert result.code == 1
    # two requests wait in vain: with the token and without; there is no third
    assert pace.is_within(result.seconds, 6)


def test_tls_asked_of_a_plain_server_is_1(rig: Rig) -> None:
    rig.start()
    result = rig.monitor(url=f"https://127.0.0.1:{rig.port}")
    assert result.code == 1
    assert f"https://127.0.0.1:{rig.port}" in result.reason


def test_a_plain_server_whose_clients_speak_tls_is_0(rig: Rig) -> None:
    """A load balancer terminates TLS, and the daemon behind it speaks plain HTTP."""
    rig.give_credentials(os_auth_url=f"https://{NAME}/identity/v3")
    rig.parameters.pop("os_password")
    rig.start()
    assert rig.monitor().code == 0


def test_ipv6_alone(rig: Rig) -> None:
    try:
        port = free_port("::1")
    except OSError:
        pytest.skip("this host has no IPv6")
    rig.give_credentials(os_auth_url=f"http://[::1]:{port}/v3")
    rig.set(address="::1", port=port)
    rig.start()
    for level in (10, 20):
        result = rig.monitor(level)
        assert result.code == 0, result
    assert rig.monitor(url=f"http://[::1]:{port}/").code == 0
    rig.set(mode="500")
    assert f"http://[::1]:{port}/" in rig.monitor().reason
