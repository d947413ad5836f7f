"""How often the agents of a cloud log in after Keystone has died on every node, as Keystone's own
logs count it.

Each node first loses its kept tokens, as a node has none to which Keystone moves. Services of the
cloud log in, too; only an agent asks for a token without a catalog.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter

from tests.bed.node import leader
from tests.bed.waiting import wait_until

from .architecture import FOLDER
from .faults import WHOLE_SECONDS
from .shares import Logs
from .target import QUESTIONS, Target, daemon

IDENTITY = QUESTIONS[0]
LOG = f"{FOLDER}/log/keystone.uwsgi.log".lstrip("/")
# As uwsgi logs a request.
LOG_IN = re.compile(r"POST /v3/auth/tokens\?nocatalog => generated .* \(HTTP/1\.\d (\d+)\)")
TOKENS = "/run/resource-agents/openstack/account-*.token"


def measure(target: Target, seconds: float) -> dict[str, object]:
    """Kill Keystone on all nodes, and return how often agents have logged in until `seconds` after
    everything is well again, by the status of the answer."""
    whole, nodes = target.running(), list(target.bed.nodes)
    for node in nodes:
        node.run("sh", "-c", f"rm -f {TOKENS}")
    logs = Logs(nodes, [LOG])
    old = {process.pid for node in nodes for process in daemon(node, IDENTITY)}
    for node in nodes:
        os.kill(leader(daemon(node, IDENTITY)), signal.SIGKILL)

    def is_whole() -> bool:
        now = [{process.pid for process in daemon(node, IDENTITY)} for node in nodes]
        is_new = all(pids and not pids & old for pids in now)
        return is_new and target.running() == whole and target.cluster.is_idle()

    wait_until(is_whole, WHOLE_SECONDS, "everything that ran before runs again", 0.5)
    time.sleep(seconds)
    found = Counter(int(match[1]) for match in map(LOG_IN.search, logs.lines()) if match)
    return {"nodes": len(nodes), "seconds": seconds, "log_ins": dict(found)}
