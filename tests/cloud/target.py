"""The cloud to measure, and the requests that its virtual address can answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from ocf_lib.processes.procfs import MARKER
from tests.bed.bed import Bed, BedError
from tests.bed.cluster import Cluster
from tests.bed.node import Node, Process
from tests.stack.identity import LOGIN
from tests.storm.backbone import IDENTITY_ADDRESS

from .client import Question
from .commands import ADDRESS

# The first requests of a user of the paper's cloud.
QUESTIONS = (
    Question("token", "keystone"),
    Question("image list", "glance-api", f"http://{IDENTITY_ADDRESS}:9292/v2/images"),
    Question("server list", "nova-api", f"http://{IDENTITY_ADDRESS}:8774/v2.1/servers"),
)


@dataclass(frozen=True)
class Target:
    """A running cloud. bed: the bed that it runs on. address: the resource of the virtual address.
    identity: Identity's URL there, without a version. questions: requests of users. login: the body
    that they post for a token."""

    bed: Bed
    address: str
    identity: str
    questions: tuple[Question, ...]
    login: object = field(default_factory=lambda: LOGIN)

    @property
    def cluster(self) -> Cluster:
        return Cluster(self.bed)

    def running(self) -> Counter[str]:
        """Count the active instances of each resource on all nodes."""
        count: Counter[str] = Counter()
        for found in self.cluster.crm_mon().iterfind("resources//resource[@active='true']"):
            count[found.get("id").split(":")[0]] += len(found.findall("node"))
        return count


def aim(bed: Bed) -> Target:
    """Return the cloud on this bed, which may have only some of the services. Raises BedError if
    the address or all services are down, or no node is up."""
    target = Target(bed, ADDRESS, f"http://{IDENTITY_ADDRESS}:5000", QUESTIONS)
    active = target.running()
    asked = tuple(question for question in QUESTIONS if active[question.resource])
    if not asked or not active[target.address]:
        raise BedError(f"{ADDRESS} or all services are down; active resources: {sorted(active)}")
    return replace(target, questions=asked)


def daemon(node: Node, question: Question) -> list[Process]:
    """Return the processes of the daemon that answers a question on this node."""
    marker = f"{MARKER}={question.agent}/{question.resource}\0".encode()
    return [process for process in node.processes() if marker in environment(process.pid)]


def environment(pid: int) -> bytes:
    """Return the environment with which the process was started; empty if it has ended."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as stream:
            return stream.read() + b"\0"
    except OSError:
        return b""
