"""Cinder for the stack: a volume driver that only logs, backups in a folder."""

from __future__ import annotations

from tests.stack.real import Real
from tests.stack.stack import CREDENTIALS, FEW, Stack

CONFIGURATION = """
[DEFAULT]
my_ip = {listen}
host = {name}
transport_url = {transport}
state_path = {home}/data
auth_strategy = keystone
api_paste_config = /etc/cinder/api-paste.ini
enabled_backends = fake
backup_driver = cinder.backup.drivers.posix.PosixBackupDriver
backup_posix_path = {home}/data/backups
[fake]
volume_driver = cinder.tests.fake_driver.FakeLoggingVolumeDriver
volume_backend_name = fake
backend_host = {shared}
[database]
connection = {database}
[oslo_concurrency]
lock_path = {home}/lock
"""


def prepare(stack: Stack) -> None:
    text = CONFIGURATION.format(
        transport=stack.transport_url,
        database=stack.database("cinder"),
        home=stack.home("cinder"),
        listen=stack.listen,
        name=stack.name,
        shared=stack.shared_name,
    )
    config = stack.write("cinder", "cinder.conf", text + stack.authtoken("cinder"))
    arguments = f"pyargv = --config-file={config}"
    stack.uwsgi("cinder", "cinder-api", 8776, "/usr/bin/cinder-wsgi", arguments)
    stack.endpoint("cinder", "volumev3", stack.url(8776) + "/v3/$(project_id)s")
    stack.manage("cinder", "cinder-manage", f"--config-file={config}", "db", "sync")


def _daemon(name: str, processes: int, *, sql: bool) -> Real:
    return Real(
        agent=f"cinder-{name}",
        user="cinder",
        processes=processes,
        parameters={"config": "{folder}/cinder/cinder.conf"},
        needs=prepare,
        amqp=True,
        sql=sql,
    )


DAEMONS = [
    Real(
        agent="cinder-api",
        user="cinder",
        processes=2,
        parameters={"config": "{folder}/cinder/cinder-api.ini", **CREDENTIALS},
        needs=prepare,
        sql=True,
        port=8776,
    ),
    _daemon("scheduler", 1, sql=True),
    _daemon("volume", 2, sql=True),
    _daemon("backup", 1, sql=True),
    # the packaged uwsgi file with our own cinder.conf, which uwsgi passes on as an argument
    Real(
        agent="cinder-api",
        variant="packaged",
        user="cinder",
        processes=2,
        parameters={
            "config": "{folder}/cinder/cinder.conf",
            "additional_parameters": FEW.format(name="cinder-api"),
            **CREDENTIALS,
        },
        needs=prepare,
        sql=True,
        port=8776,
    ),
]
