"""What the nodes of a bed run as their cluster: a declaration, which bed, node and boot read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from .bed import Bed

# Of both tables: what every bed needs.
NEEDS = {
    "/usr/lib/ocf/resource.d/heartbeat/IPaddr2": "resource-agents",
    "/usr/bin/tini": "tini",
    "/bin/ip": "iproute2",
    "/usr/bin/unshare": "util-linux",
    "/usr/bin/timeout": "coreutils",
}
# /var/cache because the packages' init scripts make folders in it.
PRIVATE = ("/var/cache", "/var/log")


@dataclass(frozen=True)
class Software:
    """The cluster software of a bed's nodes.

    name       what boot.py starts by it
    needs      program or file, and the Debian package that brings it
    private    where it writes on a node: of each, the folders (no files) are copied from the host
               with their owners and modes
    configure  writes the configuration of all nodes, below Node.folder, before the first boot
    """

    name: str
    needs: Mapping[str, str]
    private: tuple[str, ...]
    configure: Callable[[Bed], None]
