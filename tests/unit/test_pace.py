"""How late the machine is, and the time limits of the tests that grow with it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable

import pytest

from tests import pace
from tests.bed.waiting import wait_until
from tests.calling import granted
from tests.pace import AGE, Limit, Pace

CPU = 0.01


class Machine:
    """A machine whose bare interpreter takes `wall` seconds, of which `cpu` are its own CPU time.

    now: its clock, which only `pass_time` moves."""

    def __init__(self, wall: float = CPU, cpu: float = CPU) -> None:
        self.wall, self.cpu, self.now, self.calls = wall, cpu, 1000.0, 0
        self.pace = Pace(self.call, lambda: self.now)

    def call(self) -> tuple[float, float]:
        self.calls += 1
        return self.wall, self.cpu

    def pass_time(self, seconds: float) -> None:
        self.now += seconds


# The factor.


@pytest.mark.parametrize(
    ("wall", "cpu", "factor"),
    [
        (0.010, 0.010, 1),
        (0.009, 0.010, 1),  # never below 1, whatever the clocks say
        (0.040, 0.010, 4),
        (0.060, 0.060, 3),  # nobody is in its way, but its core is slow
        (0.120, 0.060, 6),
        (0.010, 0.000, 10),  # a kernel that counts CPU time in ticks
        (20.0, 0.010, 100),  # one that was held up says nothing about the rest
    ],
)
def test_factor_is_time_over_cpu_time(wall: float, cpu: float, factor: float) -> None:
    machine = Machine(wall, cpu)
    assert machine.pace.factor() == pytest.approx(factor)
    assert machine.pace.seconds(7) == pytest.approx(7 * factor)


def test_factor_of_this_machine_comes_from_real_processes() -> None:
    wall, cpu = pace.call_bare()
    assert wall > 0
    assert cpu >= 0
    assert pace.factor() >= 1
    assert pace.seconds(3) >= 3


def test_a_measurement_is_used_for_a_while_and_then_repeated() -> None:
    machine = Machine()
    assert machine.pace.factor() == 1
    calls, machine.wall = machine.calls, 5 * CPU
    machine.pass_time(AGE - 1)
    assert (machine.pace.factor(), machine.calls) == (1, calls)
    machine.pass_time(1)
    assert machine.pace.factor() == pytest.approx(5)
    machine.wall = CPU
    machine.pass_time(AGE)
    assert machine.pace.factor() == 1
    assert machine.pace.most == pytest.approx(5)


# A limit.


def test_limit_on_a_quiet_machine_is_its_nominal_time() -> None:
    machine = Machine()
    limit = Limit(30, pace=machine.pace)
    machine.pass_time(29)
    assert not limit.is_over()
    assert limit.left == 1
    machine.pass_time(1)
    assert limit.is_over()
    assert str(limit) == "30 s"


def test_limit_on_a_late_machine_is_longer() -> None:
    machine = Machine(5 * CPU)
    limit = Limit(30, pace=machine.pace)
    machine.pass_time(149)
    assert not limit.is_over()
    machine.pass_time(1)
    assert limit.is_over()
    assert str(limit) == "150 s (30 s on a machine 5.0 times as fast)"


def test_machine_that_becomes_late_meanwhile_extends_the_limit_once() -> None:
    machine = Machine()
    limit = Limit(30, pace=machine.pace)
    machine.wall = 4 * CPU
    machine.pass_time(30)
    assert not limit.is_over()
    assert limit.left == pytest.approx(90)
    machine.wall = 9 * CPU
    machine.pass_time(90.1)
    assert limit.is_over()


def test_machine_that_becomes_quiet_meanwhile_does_not_shorten_the_limit() -> None:
    machine = Machine(4 * CPU)
    limit = Limit(30, pace=machine.pace)
    machine.wall = CPU
    machine.pass_time(119)
    assert not limit.is_over()
    machine.pass_time(1)
    assert limit.is_over()


def test_time_that_an_action_is_promised_does_not_grow() -> None:
    machine = Machine(4 * CPU)
    limit = Limit(15, own=20, pace=machine.pace)
    assert limit.left == pytest.approx(80)
    machine.wall = 6 * CPU
    machine.pass_time(80.1)
    assert not limit.is_over()
    assert limit.left == pytest.approx(20 + 6 * 15 - 80.1)


def test_lateness_is_said_with_what_was_measured() -> None:
    machine = Machine(6.2 * CPU)
    limit = Limit(10, pace=machine.pace)
    machine.pass_time(10)
    assert limit.lateness() == ""
    machine.pass_time(31)
    assert limit.lateness() == "took 41 s; promised 10 s on a machine 6.2 times as fast"


# A stretch of time.


@pytest.mark.parametrize(
    ("idle", "whole", "is_busy"), [(20, 100, True), (30, 100, False), (0, 0, False)]
)
def test_machine_whose_cpus_were_hardly_idle_was_busy(
    idle: float, whole: float, is_busy: bool
) -> None:
    counts = iter([(1000.0, 5000.0), (1000.0 + idle, 5000.0 + whole)])
    stretch = pace.Stretch(lambda: next(counts), Machine().pace)
    assert stretch.was_busy() is is_busy


@pytest.mark.parametrize(("factor", "is_busy"), [(1.9, False), (2.1, True)])
def test_machine_that_is_late_now_is_busy(factor: float, is_busy: bool) -> None:
    counts = iter([(0.0, 0.0), (99.0, 100.0)])
    stretch = pace.Stretch(lambda: next(counts), Machine(factor * CPU).pace)
    assert stretch.was_busy() is is_busy


def test_counts_of_this_machine_grow() -> None:
    (idle, whole), began = pace.cpu_counts(), time.monotonic()
    cpus = os.cpu_count() or 1
    while time.monotonic() < began + 0.3:
        pass
    now_idle, now = pace.cpu_counts()
    assert 0.1 * cpus * os.sysconf("SC_CLK_TCK") < now - whole
    assert now_idle - idle <= now - whole


# What uses it.


@pytest.fixture
def run_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[Machine], None]:
    """Lets this machine be the one on which the tests run; its clock is the real one."""

    def use(machine: Machine) -> None:
        monkeypatch.setattr(pace, "RUN", Pace(machine.call))

    return use


def test_is_within_allows_for_lateness(run_of: Callable[[Machine], None]) -> None:
    machine = Machine()
    run_of(machine)
    assert pace.is_within(1.9, 2)
    assert not pace.is_within(2.1, 2)
    machine.wall = 3 * CPU
    assert pace.is_within(5.9, 2), "it is measured again"
    assert not pace.is_within(6.1, 2)


@pytest.mark.parametrize(
    ("factor", "seconds", "wanted"), [(1, 4, 4), (5, 4, 20), (50, 4, 120), (5, 300, 300)]
)
def test_timeout_of_an_action_grows_to_two_minutes(
    run_of: Callable[[Machine], None], factor: float, seconds: float, wanted: float
) -> None:
    run_of(Machine(factor * CPU))
    assert granted(seconds) == pytest.approx(wanted)


def test_wait_goes_on_and_says_so(run_of: Callable[[Machine], None]) -> None:
    run_of(Machine(50 * CPU))
    said: list[str] = []
    began = time.monotonic()
    wait_until(lambda: time.monotonic() > began + 0.3, 0.1, "it is so", 0.01, said.append)
    assert said == ["it is so: took 0.3 s; promised 0.1 s on a machine 50.0 times as fast"]


def test_wait_that_was_in_time_says_nothing(run_of: Callable[[Machine], None]) -> None:
    run_of(Machine(5 * CPU))
    said: list[str] = []
    assert wait_until(lambda: 7, 1, "it is so", say=said.append) == 7
    assert said == []


def test_wait_that_fails_tells_its_limit(run_of: Callable[[Machine], None]) -> None:
    run_of(Machine(2 * CPU))
    wanted = r"not true within 0\.4 s \(0\.2 s on a machine 2\.0 times as fast\): it is so"
    with pytest.raises(TimeoutError, match=wanted):
        wait_until(lambda: False, 0.2, "it is so", 0.01)


def test_command_that_is_late_is_waited_for(run_of: Callable[[Machine], None]) -> None:
    machine = Machine()
    run_of(machine)
    assert pace.factor() == 1
    machine.wall = 100 * CPU
    words = ["sh", "-c", "cat; sleep 0.5; echo end"]
    done = pace.run(words, timeout=0.1, input="given\n", text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "given\nend\n", "")


def test_command_that_never_ends_is_killed(run_of: Callable[[Machine], None]) -> None:
    run_of(Machine())
    with pytest.raises(subprocess.TimeoutExpired):
        pace.run(["sleep", "600"], timeout=0.1)
