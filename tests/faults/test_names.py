"""Names of instances: all that Pacemaker allows, and a missing name."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Callable

import pytest

from tests import pace
from tests.calling import AGENTS
from tests.faults.rig import Rig

pytestmark = pytest.mark.root

NAMES = [
    "clone:0",
    "group/of/it",
    "../../up",
    "ünï-çødé-名",
    "100%2f",
    "n" * 200,
]


@pytest.mark.parametrize("name", NAMES)
def test_an_instance_of_any_name_lives_and_ends(make_rig: Callable[..., Rig], name: str) -> None:
    unique = f"{name[:200]}{uuid.uuid4().hex[:8]}"
    rig = make_rig(unique)
    rig.give_credentials()
    rig.start()
    assert rig.caller("start").code == 0
    assert rig.count("born parent") == 1
    assert rig.monitor().code == 0
    assert rig.monitor().code == 0
    assert rig.count("login") == 1
    rig.lose_state()
    assert rig.probe(level=0).code == 0
    rig.stop()
    assert rig.probe().code == 7
    outside = [f.name for f in rig.folder.iterdir()]
    assert sorted(outside) == ["bin", "etc", "ha.log", "log", "notes", "rsctmp"]


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8", "en_US.ISO-8859-1", "nonsense"])
def test_a_locale_changes_no_name(make_rig: Callable[..., Rig], locale: str) -> None:
    rig = make_rig(f"ünï-{uuid.uuid4().hex[:8]}")
    rig.start(extra={"LC_ALL": "C.UTF-8"})
    rig.lose_state()
    assert rig.probe(level=0, extra={"LC_ALL": locale}).code == 0
    assert rig.caller("stop", extra={"LC_ALL": locale}).code == 0
    assert rig.processes() == []


@pytest.mark.parametrize(("one", "two"), [("a:0", "a:1"), ("b/c", "b_c"), ("d%2fe", "d/e")])
def test_names_that_are_alike_share_nothing(
    make_rig: Callable[..., Rig], one: str, two: str
) -> None:
    unique = uuid.uuid4().hex[:8]
    first, second = make_rig(unique + one), make_rig(unique + two)
    second.caller.rsctmp = first.caller.rsctmp
    first.start()
    assert second.probe().code == 7
    second.start()
    first.stop()
    assert second.monitor().code == 0
    assert len(second.pids) == 3


def test_no_instance_no_ocf_root_no_timeout(rig: Rig) -> None:
    """Heartbeat's own wrapper sets none of these variables (contract 8)."""
    environment = rig.caller.environment()
    for name in (
        "OCF_RESOURCE_INSTANCE",
        "OCF_ROOT",
        "OCF_RA_VERSION_MAJOR",
        "OCF_RESOURCE_TYPE",
        "OCF_RESOURCE_PROVIDER",
    ):
        del environment[name]

    def call(action: str) -> int:
        return subprocess.run(
            [str(AGENTS / "keystone"), action],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=pace.seconds(40),
            check=False,
        ).returncode

    assert call("status") == 7
    assert call("start") == 0
    assert call("status") == 0
    assert call("monitor") == 0
    assert call("stop") == 0
    assert rig.processes() == []


def test_a_version_of_the_api_that_we_do_not_speak_is_an_error(rig: Rig) -> None:
    result = rig.caller("start", extra={"OCF_RA_VERSION_MAJOR": "2"})
    assert result.code == 3
    assert rig.journal == []
