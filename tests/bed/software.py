"""The cluster software of a bed's nodes, as a declaration that bed, node and boot read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from .bed import Bed

# What every bed needs, with Pacemaker or Heartbeat.
NEEDS = {
    "/usr/lib/ocf/resource.d/heartbeat/IPaddr2": "resource-agents",
    "/usr/bin/tini": "tini",
    "/bin/ip": "iproute2",
    "/usr/bin/unshare": "util-linux",
    "/usr/bin/timeout": "coreutils",
}
# /var/cache is private because the packages' init scripts make folders in it.
PRIVATE = ("/var/cache", "/var/log")


@dataclass(frozen=True)
class Software:
    """The cluster software of a bed's nodes.

    name       the name by which boot.py starts it
    needs      needed program or file, to the Debian package that has it
    private    where it writes on a node; the folders below (no files) are copied from the host,
               with their owners and modes
    configure  writes the configuration of all nodes, below Node.folder, before the first boot
    """

    name: str
    needs: Mapping[str, str]
    private: tuple[str, ...]
    configure: Callable[[Bed], None]
