"""Stand-ins for the two tools of Pacemaker that crash detection calls: crm_mon prints what a test
has set, crm_resource records its arguments. tests/cluster uses the real tools."""

from __future__ import annotations

from pathlib import Path

from tests.calling import PATH
from tests.faults.rig import Rig

NODE = "node-1"
RESOURCE = """<pacemaker-result><nodes><node name="{node}" type="{kind}"/></nodes><resources>\
<resource id="{name}" managed="{managed}" \
maintenance="{maintenance}" blocked="false"><node name="{node}"/></resource></resources>\
</pacemaker-result>"""
TOOL = """#!/bin/sh
echo "$0 $*" | sed 's|.*/||' >> '{folder}/told'
[ $(grep -c "^${{0##*/}} " '{folder}/told') -gt {failures} ] || exit 1
cat '{folder}/{tool}.out' 2> /dev/null || true
"""


class Pacemaker:
    """Puts the tools on the PATH of an instance and a node's name into its environment."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.folder = rig, rig.folder / "pacemaker"
        self.folder.mkdir()
        self.be()
        self.fail()

    @property
    def extra(self) -> dict[str, str]:
        """Environment variables for an action that Pacemaker's executor calls."""
        return {"PATH": f"{self.folder}:{PATH}", "OCF_RESKEY_CRM_meta_on_node": NODE}

    def be(
        self,
        name: str = "",
        managed: str = "true",
        maintenance: str = "false",
        kind: str = "member",
    ) -> None:
        """Set what crm_mon prints about the instance and its node from now on."""
        facts = {"managed": managed, "maintenance": maintenance, "node": NODE, "kind": kind}
        text = RESOURCE.format(name=name or self.rig.caller.instance, **facts)
        new = self.folder / "crm_mon.new"
        new.write_text(text)
        new.rename(self.folder / "crm_mon.out")

    def fail(self, **failures: int) -> None:
        """Make the first calls of a tool exit with 1; failures: how many calls, by tool."""
        for tool in ("crm_mon", "crm_resource"):
            path: Path = self.folder / tool
            facts = {"folder": self.folder, "tool": tool, "failures": failures.get(tool, 0)}
            path.write_text(TOOL.format(**facts))
            path.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        path = self.folder / "told"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def told(self) -> list[str]:
        """The calls of crm_resource, with their arguments."""
        return [line for line in self.calls if line.startswith("crm_resource ")]
