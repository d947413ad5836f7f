"""The files of the nodes, in FOLDER: each node has a copy of what was prepared once, with its own
address and name. All nodes share the folder of images, as they would share a file system or Ceph.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.bed.bed import Bed
from tests.bed.node import Node
from tests.storm.backbone import IDENTITY_ADDRESS, Backbone

from .architecture import FOLDER, SWITCH_FOLDER

IMAGES = "glance/data"
# Without this row Neutron's agent finds no switch in the database, and retries for ever.
NEW_SWITCH = ("Open_vSwitch", {"op": "insert", "table": "Open_vSwitch", "row": {}})
# For Bed: path on a node to path on this machine.
BINDS = {FOLDER: "{name}/srv", f"{FOLDER}/{IMAGES}": "images"}


class Prepared(Backbone):
    """The servers, on a separate machine, and the configurations of all projects, with placeholders
    for the address and the name of each node.

    A service that owns something (volumes, routers) owns it as `shared_name`, wherever it runs.
    """

    listen = "0.0.0.0"
    name = "this-node"
    shared_name = "cloud"
    workers = 1
    is_identity_cached = True

    def __init__(self, bed: Bed) -> None:
        # no address per port: every API is reached at the virtual address
        super().__init__(bed, {})
        self.storage = tuple(node.address for node in bed.nodes)
        for node in bed.nodes:
            (self.of(node) / IMAGES).mkdir(parents=True)
            (self.of(node) / "log").mkdir()
            (self.of(node) / "log").chmod(0o1777)

    def address(self, port: int) -> str:
        return IDENTITY_ADDRESS

    def of(self, node: Node) -> Path:
        """Return the path of the node's FOLDER on this machine."""
        return self.bed.folder / node.name / FOLDER.lstrip("/")

    def deploy(self, project: str) -> None:
        """Copy a project's files to each node."""
        source = self.folder / project
        images = self.bed.folder / "images"
        if project == "glance":
            subprocess.run(["cp", "-a", f"{source}/data/.", str(images)], check=True)
        for node in self.bed.nodes:
            target = self.of(node) / project
            target.mkdir(exist_ok=True)
            subprocess.run(["cp", "-a", f"{source}/.", str(target)], check=True)
            for path in _configuration(target):
                path.write_text(self.translate(path.read_text(), node))

    def translate(self, text: str, node: Node) -> str:
        """Replace the placeholders in a text by the node's own values."""
        for general, own in (
            (str(self.folder), FOLDER),
            (self.listen, node.address),
            (self.name, node.name),
        ):
            text = text.replace(general, own)
        return text


def make_switch(node: Node) -> None:
    """Create the database of Open vSwitch on a node, with a switch that has no bridges."""
    database = f"{SWITCH_FOLDER}/conf.db"
    node.run("mkdir", "-p", SWITCH_FOLDER)
    node.run("ovsdb-tool", "create", database, "/usr/share/openvswitch/vswitch.ovsschema")
    node.run("ovsdb-tool", "transact", database, json.dumps(NEW_SWITCH))


def _configuration(folder: Path) -> Iterator[Path]:
    """Return all files except those that the daemons write."""
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).parts[0] not in ("data", "lock"):
            yield path
