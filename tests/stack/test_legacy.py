"""Agents of daemons that no release has any more, on the stand-in with its real connections."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests import pace
from tests.bed.waiting import wait_until
from tests.calling import Caller
from tests.stack import daemons, legacy, report, sockets
from tests.stack.real import Real
from tests.stack.stack import Stack
from tests.stack.test_life import AMQP, SETTLE, SQL, Family, Ready, carriers
from tests.stack.tester import run_ocf_tester

pytestmark = [pytest.mark.root, pytest.mark.stack]

each_daemon = pytest.mark.parametrize("real", legacy.DAEMONS, ids=lambda real: real.name)
# how long start waits for connections; a start that takes longer waits for what never comes
CONNECT_SECONDS = 15.0


@pytest.fixture(scope="module", autouse=True)
def runtime_folders() -> Iterator[None]:
    """Removes the folders that a start makes: no package of Quantum owns them any more."""
    yield
    for parent in ("/run", "/run/lock", "/var/cache"):
        with contextlib.suppress(OSError):
            Path(parent, "quantum").rmdir()


def lives(process: psutil.Process) -> bool:
    """Whether the process lives. A zombie that init has yet to reap does not."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@each_daemon
def test_life(real: Real, stack: Stack, running: Ready) -> None:
    caller = running(real)
    assert caller("monitor").code == 7
    started = caller("start", timeout=real.patience)
    assert started.code == 0, started

    family = Family(caller, real)
    assert family.leader.name() == Path(real.parameters["binary"]).name[:15]
    assert family.leader.username() == real.user
    assert os.getsid(family.pid) == family.pid, "the parent leads a session of its own"
    wait_until(lambda: len(family.all) == real.processes, SETTLE, f"{real.processes} processes")
    for port, wanted in ((AMQP, real.amqp), (SQL, real.sql)):
        if wanted:
            wait_until(lambda: sum(family.connections(port)), SETTLE, f"connections to {port}")  # noqa: B023
    assert bool(sum(family.connections(AMQP))) == real.amqp
    if real.port:
        assert real.port in sockets.listening(family.pid)

    for level in real.levels:
        judged = caller.monitor(level)
        assert judged.code == 0, (level, judged)
    if "os_username" in real.parameters:
        assert caller.tokens
    report.note(
        real.name,
        report.STAND_IN,
        {
            "parent": family.leader.name(),
            "processes": len(family.all),
            "AMQP": family.connections(AMQP),
            "SQL": family.connections(SQL),
        },
    )

    before = family.all
    again = caller("start", timeout=real.patience)
    assert again.code == 0, again
    assert family.all == before

    stopped = caller("stop", timeout=daemons.patience())
    assert stopped.code == 0, stopped
    assert carriers(caller) == []
    assert not any(map(lives, before))
    if real.port:
        assert not stack.is_open(real.port)
    assert caller("monitor").code == 7


@each_daemon
def test_ocf_tester(real: Real, running: Ready, readable: Path) -> None:
    run_ocf_tester(running(real), readable)


def test_keystone_all_gives_tokens_of_its_own_api(running: Ready) -> None:
    """os_auth_url says v2.0, as in the paper, and this Keystone has no other version."""
    caller = running(legacy.KEYSTONE)
    assert caller("start").code == 0
    assert caller.monitor(20).code == 0
    assert "2.0" in [kept.read_text().splitlines()[1] for kept in caller.tokens]
    judged = caller.monitor(20, os_password="wrong")
    assert judged.code == 190, judged


@pytest.fixture
def beside(stack: Stack, tmp_path: Path) -> Iterator[Callable[[Real, str, str], Caller]]:
    """A function that returns the Caller of another instance of `real`, with `old` replaced by
    `new` in its configuration. The instances are stopped at the end."""
    made: list[Caller] = []

    def make(real: Real, old: str, new: str) -> Caller:
        stack.need(real.needs)
        caller = real.caller(stack)
        caller.instance += f"_{len(made)}"
        caller.log = tmp_path / f"{len(made)}.log"
        text = Path(caller.parameters["config"]).read_text()
        assert old in text
        config = stack.folder / "legacy" / f"{caller.instance}.conf"
        config.write_text(text.replace(old, new))
        caller.parameters["config"] = str(config)
        made.append(caller)
        return caller

    yield make
    for caller in made:
        assert caller("stop", timeout=daemons.patience()).code == 0


@pytest.mark.parametrize(
    ("real", "old", "new"),
    [
        (legacy.CERT, "rabbit_userid = guest\n", "rabbit_userid = guest\nverbose = True\n"),
        (legacy.REGISTRY, "bind_port = 9191", "bind_port = 9192"),
    ],
    ids=["consumer", "API"],
)
def test_two_instances_on_one_node_do_not_see_each_other(
    real: Real, old: str, new: str, running: Ready, beside: Callable[[Real, str, str], Caller]
) -> None:
    first, second = running(real), beside(real, old, new)
    assert first("start").code == 0
    assert second("monitor").code == 7
    assert second("start").code == 0
    families = [Family(caller, real) for caller in (first, second)]
    assert families[0].pid != families[1].pid
    assert [sorted(carriers(c)) for c in (first, second)] == [
        sorted(process.pid for process in family.all) for family in families
    ]
    assert [caller.monitor().code for caller in (first, second)] == [0, 0]
    assert first("stop").code == 0
    assert carriers(first) == []
    assert first("monitor").code == 7
    assert second.monitor().code == 0
    assert len(families[1].all) == real.processes


@pytest.mark.parametrize("older", legacy.ALIASES)
@pytest.mark.parametrize("order", ["older name first", "current name first"])
def test_an_older_name_of_an_agent_means_the_same_instance(
    older: str, order: str, stack: Stack, running: Ready
) -> None:
    real = legacy.ALIASES[older]
    current = running(real)
    alias = real.caller(stack)
    alias.agent = older
    starting, stopping = (alias, current) if order == "older name first" else (current, alias)
    started = starting("start", timeout=real.patience)
    assert started.code == 0, started
    family = Family(current, real)
    everyone = family.all
    assert sorted(carriers(current)) == [process.pid for process in everyone]
    assert [caller.monitor().code for caller in (starting, stopping)] == [0, 0]
    assert stopping("start", timeout=real.patience).code == 0
    assert Family(stopping, real).all == everyone
    assert stopping("stop", timeout=daemons.patience()).code == 0
    assert not any(map(lives, everyone))
    assert starting("monitor").code == 7


@pytest.mark.parametrize("real", [legacy.DHCP, legacy.QUANTUM], ids=lambda real: real.name)
def test_plugin_config_with_a_blank(real: Real, stack: Stack, running: Ready) -> None:
    """An older agent had this parameter, whose name no shell variable can have."""
    caller = running(real)
    current = caller.parameters.pop("plugin_config")
    older = stack.folder / "legacy" / "older.ini"
    older.write_text(Path(current).read_text())

    def configurations() -> list[str]:
        words = Family(caller, real).leader.cmdline()
        return [word.partition("=")[2] for word in words if word.startswith("--config-file=")]

    caller.parameters["plugin config"] = str(older)
    assert caller("start").code == 0
    assert configurations() == [caller.parameters["config"], str(older)]
    assert caller("stop").code == 0
    caller.parameters["plugin_config"] = current
    assert caller("start").code == 0
    assert configurations() == [caller.parameters["config"], current]


def warnings(caller: Caller) -> list[str]:
    return [line for line in caller.log.read_text().splitlines() if "no connection" in line]


def test_start_with_the_broker_away_warns_and_succeeds(
    beside: Callable[[Real, str, str], Caller],
) -> None:
    """Start has a minute and does not use it: the daemon lives on and tries again."""
    caller = beside(legacy.CERT, "rabbit_port = 5672", "rabbit_port = 5999")
    started = caller("start", timeout=pace.seconds(60))
    assert started.code == 0, started
    assert pace.is_within(started.seconds, 2 * CONNECT_SECONDS)
    (line,) = warnings(caller)
    assert "port 5999" in line
    assert caller.monitor().code == 0
    assert sum(Family(caller, legacy.CERT).connections(AMQP)) == 0


def test_amqp_server_port_wins_over_the_configuration(
    running: Ready, beside: Callable[[Real, str, str], Caller], tmp_path: Path
) -> None:
    """3306 is not a broker's port, but the daemon is connected to it, not to the configured one."""
    away = beside(legacy.CERT, "rabbit_port = 5672", "rabbit_port = 5999")
    away.parameters["amqp_server_port"] = str(SQL)
    assert away("start", timeout=pace.seconds(60)).code == 0
    assert warnings(away) == []
    there = running(legacy.CERT)
    there.log = tmp_path / "there.log"
    assert there("start", timeout=6, amqp_server_port=5999).code == 0
    assert sum(Family(there, legacy.CERT).connections(AMQP)) == 1
    (line,) = warnings(there)
    assert "port 5999" in line
