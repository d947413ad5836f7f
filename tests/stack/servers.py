"""Starts the servers that all projects share."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bed.waiting import wait_until
from tests.calling import PATH

if TYPE_CHECKING:
    from tests.stack.stack import Stack

SECONDS = 60


def start_mariadb(stack: Stack) -> subprocess.Popen[str]:
    folder = _folder(stack, "mariadb", "mysql")
    options = ["--user=mysql", "--skip-test-db", "--skip-name-resolve"]
    made = subprocess.run(
        ["mariadb-install-db", "--no-defaults", f"--datadir={folder}/data", *options],
        env={"PATH": PATH},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout[-2000:]
    return run_mariadb(stack)


def run_mariadb(stack: Stack) -> subprocess.Popen[str]:
    """Run MariaDB on the data that it has, also after it was ended; return when it answers."""
    folder = stack.folder / "mariadb"
    # No data has to survive a crash here, so nothing is flushed to the disk.
    process = stack.run(
        "mariadb",
        "mysql",
        "mariadbd",
        "--no-defaults",
        f"--datadir={folder}/data",
        f"--socket={folder}/socket",
        f"--pid-file={folder}/pid",
        f"--bind-address={stack.host}",
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-flush-method=nosync",
        "--innodb-buffer-pool-size=128M",
        "--skip-innodb-doublewrite",
        "--skip-name-resolve",
        "--sync-binlog=0",
        "--max-connections=800",
        "--character-set-server=utf8",
    )
    wait_for(process, lambda: _ask(folder, "select 1").returncode == 0, "MariaDB answers")
    return process


def _ask(folder: Path, statement: str) -> subprocess.CompletedProcess[str]:
    """Run a statement as root. The path of a Unix socket works from any network namespace."""
    words = ["mariadb", "--no-defaults", "--user=root", f"--socket={folder}/socket"]
    return subprocess.run(
        [*words, f"--execute={statement}"],
        env={"PATH": PATH},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def make_database(stack: Stack, name: str, password: str) -> None:
    """Make a database, and a user of the same name with all rights in it."""
    who = f"'{name}'@'%' identified by '{password}'"
    statements = f"create database {name} character set utf8; grant all on {name}.* to {who}"
    done = _ask(stack.folder / "mariadb", statements)
    assert done.returncode == 0, done.stderr


def start_rabbitmq(stack: Stack) -> subprocess.Popen[str]:
    folder = _folder(stack, "rabbitmq", "rabbitmq")
    advanced = "[{kernel,[{inet_dist_use_interface,{127,0,0,1}}]}].\n"
    (folder / "advanced.config").write_text(advanced)
    # user guest may log in over the network
    text = f"listeners.tcp.1 = {stack.host}:5672\nloopback_users = none\n"
    (folder / "rabbitmq.conf").write_text(text)
    return run_rabbitmq(stack)


def run_rabbitmq(stack: Stack) -> subprocess.Popen[str]:
    """Run RabbitMQ on the data that it has, also after it was ended; return when it listens."""
    folder = stack.folder / "rabbitmq"
    process = stack.run(
        "rabbitmq",
        "rabbitmq",
        "/usr/lib/rabbitmq/bin/rabbitmq-server",
        env={
            "HOME": str(folder),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "ocf@localhost",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{folder}/advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_MNESIA_BASE": f"{folder}/data",
            "RABBITMQ_LOG_BASE": f"{folder}/data",
        },
    )
    wait_for(process, lambda: stack.is_open(5672), "RabbitMQ listens")
    return process


def start_memcached(stack: Stack) -> None:
    where, _, port = stack.memcached.partition(":")
    process = stack.run("memcached", "nobody", "memcached", "-l", where, "-p", port, "-U", "0")
    wait_for(process, lambda: stack.is_open(int(port)), "memcached listens")


def wait_for(process: subprocess.Popen[str], is_up: Callable[[], bool], what: str) -> None:
    """Wait until a server is up. If it ends instead, fail at once."""

    def is_done() -> bool:
        assert process.poll() is None, f"{what}: it ended with {process.returncode}"
        return is_up()

    wait_until(is_done, SECONDS, what, 0.05)


def is_open(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def _folder(stack: Stack, name: str, user: str) -> Path:
    """Make the server's folder with data/, both owned by the server's user."""
    folder = stack.folder / name
    (folder / "data").mkdir(parents=True)
    for path in (folder, folder / "data"):
        shutil.chown(path, user, user)
    return folder
