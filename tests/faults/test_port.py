"""start if another process holds the daemon's port: the exit reason names that process."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests import pace
from tests.calling import unshare
from tests.faults.aftermath import check_no_state, check_serving, check_stopped
from tests.faults.rig import STRANGER, Rig, wait_until

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("witnesses")]

# Listens on an address and a port, in a process whose children also hold the socket.
LISTEN = """
import os, signal, socket, sys
address, port, children = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
six = ":" in address
family = socket.AF_INET6 if six else socket.AF_INET
made = socket.create_server((address, port), family=family, dualstack_ipv6=six)
for _ in range(children):
    if os.fork() == 0:
        signal.pause()
print(flush=True)
signal.pause()
"""


@pytest.fixture
def listen(rig: Rig) -> Iterator[Callable[..., int]]:
    """Starts another program that takes the rig's port; returns its PID."""
    made: list[subprocess.Popen[bytes]] = []

    def take(address: str = "127.0.0.1", children: int = 0, user: str = STRANGER) -> int:
        child = subprocess.Popen(
            ["python3", "-c", LISTEN, address, str(rig.port), str(children)],
            stdout=subprocess.PIPE,
            user=user,
            cwd="/",
            start_new_session=True,
        )
        made.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == b"\n"
        return child.pid

    yield take
    for child in made:
        is_alive = child.poll() is None
        subprocess.run(["kill", "-KILL", "--", f"-{child.pid}"], check=True)
        child.communicate()
        assert is_alive, "who held the port was ended"


def told(rig: Rig, holder: int, program: str = "python3") -> str:
    return f"port {rig.port} is held by PID {holder} ({program})"


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::"])
def test_the_daemon_dies_and_start_says_who_has_its_port(
    rig: Rig, listen: Callable[..., int], address: str
) -> None:
    rig.configure(bind_port=str(rig.port))
    holder = listen(address)
    result = rig.caller("start", timeout=60)
    assert result.code == 1
    assert result.reason.startswith(told(rig, holder))
    assert "Address already in use" in result.reason
    assert pace.is_within(result.seconds, 4)
    rig.stop(timeout=60)
    assert rig.probe().code == 7


def test_of_several_that_hold_it_the_parent_is_named(rig: Rig, listen: Callable[..., int]) -> None:
    rig.configure(bind_port=str(rig.port))
    holder = listen(children=2)
    assert rig.caller("start").reason.startswith(told(rig, holder))


@pytest.mark.parametrize("form", ["--port={}", "--port {}", "--http-socket :{}", "-b 0.0.0.0:{}"])
def test_the_port_is_on_the_command_line(rig: Rig, listen: Callable[..., int], form: str) -> None:
    rig.parameters["additional_parameters"] = form.format(rig.port)
    holder = listen()
    assert rig.caller("start").reason.startswith(told(rig, holder))


def test_the_port_is_in_uwsgi_s_ini(rig: Rig, listen: Callable[..., int]) -> None:
    uwsgi = rig.binary.with_name("uwsgi_python3")
    rig.binary.rename(uwsgi)
    rig.configure("uwsgi", **{"http-socket": f"127.0.0.1:{rig.port}"})
    rig.parameters.update(binary=uwsgi, additional_parameters=f"--config-file={rig.config}")
    holder = listen()
    assert rig.caller("start").reason.startswith(told(rig, holder))


@pytest.mark.parametrize(
    "words",
    [
        "RuntimeError: Could not bind to 0.0.0.0:{} after trying for 30 seconds",
        "OSError: [Errno 98] Address already in use: ('127.0.0.1', {})",
        "probably another instance of uWSGI is running on the same address (:{}). "
        "bind(): Address already in use [core/socket.c line 769]",
    ],
)
def test_the_daemon_names_the_port_itself(rig: Rig, listen: Callable[..., int], words: str) -> None:
    holder = listen()
    rig.set(words=words.format(rig.port), die=1)
    assert rig.caller("start").reason.startswith(told(rig, holder))


def test_a_daemon_that_waits_for_its_port(rig: Rig, listen: Callable[..., int]) -> None:
    """eventlet tries to bind for 30 s and prints nothing."""
    rig.configure(bind_port=str(rig.port))
    holder = listen()
    rig.set(listen="never")
    result = rig.caller("start", timeout=4)
    assert result.code == 1
    assert result.reason.startswith(f"{told(rig, holder)}; it listens on no TCP port")
    assert result.is_in_time
    rig.stop(timeout=60)


def test_another_death_beside_a_port_that_is_held(rig: Rig, listen: Callable[..., int]) -> None:
    """Often a load balancer holds the same port on another address; it is not to blame."""
    rig.configure(bind_port=str(rig.port))
    listen()
    rig.set(words="sqlite3.OperationalError: unable to open database file", die=1)
    assert rig.caller("start").reason.startswith("the daemon exited with 1 during start: sqlite3")


def test_who_has_it_is_in_another_pid_namespace(rig: Rig, listen: Callable[..., int]) -> None:
    """Two containers share the host's network; the agent runs in one, the holder in the other."""
    rig.configure(bind_port=str(rig.port))
    listen()
    rig.caller.prefix = (*unshare(), "--pid", "--fork", "--mount-proc", "--kill-child")
    hidden = f"port {rig.port} is held by a process that cannot be seen from here"
    assert rig.caller("start").reason.startswith(hidden)


def test_another_instance_has_it(rig: Rig, make_rig: Callable[..., Rig]) -> None:
    other = make_rig()
    other.set(port=rig.port).start()
    rig.configure(bind_port=str(rig.port))
    holder = told(rig, other.parent.pid, f"standin of keystone/{other.caller.instance}")
    assert rig.caller("start").reason.startswith(holder)
    assert rig.caller("stop").code == 0
    assert rig.probe().code == 7
    assert len(other.pids) == 3
    assert other.monitor().code == 0


def test_a_daemon_by_hand_has_it(rig: Rig) -> None:
    """It has other arguments, so that it cannot be taken for the instance's own daemon."""
    rig.configure(bind_port=str(rig.port))
    child = rig.run_by_hand("--something=else")
    wait_until(lambda: len(rig.pids) == 3, "it runs")
    assert rig.caller("start").reason.startswith(told(rig, child.pid, "standin"))


@pytest.mark.parametrize("workers", ["session", "sessions", "double_fork"])
def test_orphans_of_a_former_run_have_it(rig: Rig, workers: str) -> None:
    """start reports them, and stop ends them, so that the next start succeeds."""
    rig.set(orphans="yes", **{workers: "yes"})
    rig.start()
    rig.parent.kill()
    wait_until(lambda: len(rig.pids) == 2, "the parent is gone")
    first, second = rig.pids
    result = rig.caller("start", timeout=60)
    assert result.code == 1
    gone = f"the parent process is gone, 2 processes (PID {first}, {second}) of a former run remain"
    assert result.reason == f"{gone}: stop ends them"
    assert pace.is_within(result.seconds, 4)
    assert rig.pids == [first, second]
    check_stopped(rig, rig.stop(timeout=60))
    check_no_state(rig)
    rig.start()
    check_serving(rig)


def test_a_port_that_somebody_else_holds_is_no_answer_of_ours(
    rig: Rig, listen: Callable[..., int]
) -> None:
    listen()
    with socket.create_connection(("127.0.0.1", rig.port)):
        assert rig.probe().code == 7
        assert rig.monitor(20).code == 7
