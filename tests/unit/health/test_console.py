"""console_port is reloadable: the first monitor after a change queries the new port."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ocf_lib.actions import monitor
from ocf_lib.declare.service import Api, Ending
from ocf_lib.health.api import place
from ocf_lib.instance import Instance
from ocf_lib.net.endpoint import Endpoint
from ocf_lib.outcomes import Failed
from ocf_lib.processes.process import Process, stat
from ocf_lib.state import files
from ocf_lib.state.record import Record
from tests.unit.conftest import PYTHON, Processes
from tests.unit.health.test_api import without_credentials

TWO = """
import socket, threading
def serve(listener, status):
    while True:
        connection, _ = listener.accept()
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 %d X\\r\\nContent-Length: 0\\r\\n\\r\\n" % status)
        connection.close()
made = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
for listener in made:
    print(listener.getsockname()[1], flush=True)
threading.Thread(target=serve, args=(made[0], 500), daemon=True).start()
serve(made[1], 200)
"""


@pytest.mark.root
def test_a_changed_port_is_asked(
    processes: Processes, instance_of: Callable[..., Instance]
) -> None:
    daemon, (bad, good) = processes.run(PYTHON, "-I", "-c", TWO, lines=2)
    service = without_credentials(Api("console_port", "/"))
    before = instance_of(service, "monitor", console_port=bad)
    running = stat(daemon.pid)
    assert running is not None
    endpoint = Endpoint("http", "127.0.0.1", bad)
    said = place(Api("console_port", "/"), before.parameters)
    record = Record(Process.of(running), Ending(15, 0), endpoint, said)
    files.make_state_folder(before.folder)
    files.replace(before.file("record"), str(record), 0o600)
    with pytest.raises(Failed, match="500"):
        monitor.monitor(before)
    monitor.monitor(instance_of(service, "monitor", console_port=good))
