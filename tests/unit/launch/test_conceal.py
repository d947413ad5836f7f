"""A daemon's last words must not carry the password of its database or broker into a log."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocf_lib.launch.oslo import Options
from ocf_lib.log import conceal

CONFIGURATION = """
[DEFAULT]
transport_url = {url}
metadata_proxy_shared_secret = M3TADATA
[keystone_authtoken]
username = nova
password = S3RVICE
"""


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("rabbit://nova:SESAME@h:5672/", "cannot connect to rabbit://nova:SESAME@h:5672/"),
        ("rabbit://nova:SESAME/x@h:5672/", "invalid literal for int() with base 10: 'SESAME'"),
        ("rabbit://a:b@h,nova:SESAME@i/", "no route to SESAME"),
        ("rabbit://nova:SES%40ME@h/", "login refused: nova, SES@ME"),
        ("", "Could not parse URL from string 'mysql+pymysql:neutron:SESAME@127.0.0.1/n'"),
        ("", "S3RVICE and M3TADATA"),
    ],
)
def test_no_password_of_the_configuration_is_repeated(tmp_path: Path, url: str, said: str) -> None:
    path = tmp_path / "nova.conf"
    path.write_text(CONFIGURATION.format(url=url))
    told = conceal(said, Options(["/usr/bin/nova-conductor", f"--config-file={path}"]).secrets())
    for secret in ("SESAME", "SES@ME", "S3RVICE", "M3TADATA"):
        assert secret not in told
    assert "********" in told


def test_what_is_no_secret_stays(tmp_path: Path) -> None:
    path = tmp_path / "nova.conf"
    path.write_text(CONFIGURATION.format(url="rabbit://nova:SESAME@broker.example.org:5672/"))
    secrets = Options(["x", f"--config-file={path}"]).secrets()
    said = "ConnectionError: broker.example.org:5672 is unreachable (nova-conductor)"
    assert conceal(said, secrets) == said
