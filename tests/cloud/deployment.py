"""The files of the nodes: each has its own copy of what was prepared once, with its own address and
name in it, in FOLDER; all share the folder of images, as they would a file system or Ceph.
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
# Neutron's agent finds no switch in a database where this row is missing, and tries for ever.
NEW_SWITCH = ("Open_vSwitch", {"op": "insert", "table": "Open_vSwitch", "row": {}})
# For the Bed.
BINDS = {FOLDER: "{name}/srv", f"{FOLDER}/{IMAGES}": "images"}


class Prepared(Backbone):
    """The servers, on a machine of their own beside the nodes, and the configurations of all
    projects, in which general words stand where each node has its own: address and name.

    Whoever owns something (volumes, routers) does so as `shared_name`, wherever it runs.
    """

    listen = "0.0.0.0"
    name = "this-node"
    shared_name = "cloud"
    workers = 1
    is_identity_cached = True

    def __init__(self, bed: Bed) -> None:
        # every API is asked at the virtual address
        super().__init__(bed, {})
        self.storage = tuple(node.address for node in bed.nodes)
        for node in bed.nodes:
            (self.of(node) / IMAGES).mkdir(parents=True)
            (self.of(node) / "log").mkdir()
            (self.of(node) / "log").chmod(0o1777)

    def address(self, port: int) -> str:
        return IDENTITY_ADDRESS

    def of(self, node: Node) -> Path:
        """The node's FOLDER, seen from here."""
        return self.bed.folder / node.name / FOLDER.lstrip("/")

    def deploy(self, project: str) -> None:
        """Give each node what was prepared of a project."""
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
        """What was prepared, as the node has it."""
        for general, own in (
            (str(self.folder), FOLDER),
            (self.listen, node.address),
            (self.name, node.name),
        ):
            text = text.replace(general, own)
        return text


def make_switch(node: Node) -> None:
    """The database of Open vSwitch on a node, with a switch that has no bridges."""
    database = f"{SWITCH_FOLDER}/conf.db"
    node.run("mkdir", "-p", SWITCH_FOLDER)
    node.run("ovsdb-tool", "create", database, "/usr/share/openvswitch/vswitch.ovsschema")
    node.run("ovsdb-tool", "transact", database, json.dumps(NEW_SWITCH))


def _configuration(folder: Path) -> Iterator[Path]:
    """All files but those of the daemons themselves."""
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).parts[0] not in ("data", "lock"):
            yield path
