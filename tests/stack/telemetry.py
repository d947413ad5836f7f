"""Ceilometer's two polling agents and Aodh's evaluator for the stack."""

from __future__ import annotations

from tests.stack.real import Real
from tests.stack.stack import Stack

# naive: Ceilometer asks nova-api for instances, and needs no libvirt
CEILOMETER = """
[DEFAULT]
host = stack
transport_url = {transport}
[compute]
instance_discovery_method = naive
[polling]
cfg_file = {home}/polling.yaml
[coordination]
backend_url = memcached://{memcached}
[service_credentials]
{credentials}
"""
POLLING = """
sources:
  - name: all
    interval: 60
    meters: ["image.size", "cpu"]
"""
AODH = """
[DEFAULT]
transport_url = {transport}
[coordination]
backend_url = memcached://{memcached}
[database]
connection = {database}
[evaluator]
workers = 2
evaluation_interval = 10
[service_credentials]
{credentials}
"""


def prepare_ceilometer(stack: Stack) -> None:
    home = stack.home("ceilometer")
    text = CEILOMETER.format(
        home=home,
        transport=stack.transport_url,
        memcached=stack.memcached,
        credentials=stack.credentials("ceilometer"),
    )
    stack.write("ceilometer", "ceilometer.conf", text)
    stack.write("ceilometer", "polling.yaml", POLLING)


def prepare_aodh(stack: Stack) -> None:
    text = AODH.format(
        transport=stack.transport_url,
        database=stack.database("aodh"),
        memcached=stack.memcached,
        credentials=stack.credentials("aodh"),
    )
    config = stack.write("aodh", "aodh.conf", text)
    stack.manage("aodh", "aodh-dbsync", f"--config-file={config}")


def _polling(namespace: str) -> Real:
    return Real(
        agent=f"ceilometer-agent-{namespace}",
        user="ceilometer",
        processes=2,
        parameters={"config": "{folder}/ceilometer/ceilometer.conf"},
        needs=prepare_ceilometer,
        levels=(0, None),
    )


DAEMONS = [
    _polling("central"),
    _polling("compute"),
    Real(
        agent="aodh-evaluator",
        user="aodh",
        processes=3,
        parameters={"config": "{folder}/aodh/aodh.conf"},
        needs=prepare_aodh,
        sql=True,
        levels=(0, None),
    ),
]
