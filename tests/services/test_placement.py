"""placement-api with the real application under uwsgi."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.calling import Caller
from tests.services.conftest import Site
from tests.services.life import check_life, run_ocf_tester

pytestmark = [pytest.mark.root, pytest.mark.keystone]

# One worker: at the first start on new tables each writes Placement's traits into them, and on
# SQLite the slower one may find them locked and then answer 500 for ever (seen once in a full run).
CONFIGURATION = """
[DEFAULT]
log_file = {data}/api.log
[api]
auth_strategy = keystone
[placement_database]
connection = {database}
"""
UWSGI = """
[uwsgi]
http-socket = 127.0.0.1:{port}
master = true
plugins = python3
lazy-apps = true
no-orphans = true
die-on-term = true
enable-threads = true
processes = 1
threads = 1
add-header = Connection: close
chdir = {data}
logto = {data}/uwsgi.log
env = OS_PLACEMENT_CONFIG_DIR={folder}
wsgi-file = /usr/bin/placement-api
"""


@pytest.fixture
def placement(site: Callable[[str], Site], stopping: Callable[[Caller], Caller]) -> Caller:
    here = site("placement")
    text = CONFIGURATION.format(data=here.data, database=here.database)
    config = here.write("placement.conf", text + here.authtoken)
    ini = here.write("uwsgi.ini", UWSGI.format(port=here.port, data=here.data, folder=here.folder))
    here.manage("placement-manage", f"--config-file={config}", "db", "sync")
    return stopping(here.caller("placement-api", config=ini))


def test_life_of_placement_api(placement: Caller) -> None:
    check_life(placement, user="placement", processes=2)


def test_ocf_tester_on_placement_api(placement: Caller, readable: Path) -> None:
    run_ocf_tester(placement, readable)
