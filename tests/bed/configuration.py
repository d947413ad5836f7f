"""Pacemaker on a bed: its packages, and the text of its corosync.conf and first CIB."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from .software import NEEDS, PRIVATE, Software

if TYPE_CHECKING:
    from .bed import Bed


@dataclass(frozen=True)
class Timing:
    """Corosync's time settings, in milliseconds.

    token      how long the token may be missing before a node is suspected
    consensus  how long the others then wait for a node that does not answer; Corosync does not
               start if this is less than 1.2 times the token
    join       the interval at which they ask meanwhile
    tries      how often (not ms) the token is sent again before a node is suspected. On an idle
               cluster it goes round every 0.8 * token / (tries + 0.2) ms, which is what Corosync
               spends its CPU time on
    """

    token: int
    consensus: int
    join: int = 50
    tries: int = 4

    def __post_init__(self) -> None:
        if self.consensus < 1.2 * self.token:
            raise ValueError(
                f"consensus is {self.consensus} ms, and must be 1.2 times the token's {self.token}"
            )


# The other nodes agree that a node is dead 3.6 s after its death with Corosync's default (token
# 1000 plus 650 for each node over two), after 2.2 s with PATIENT, and after 0.43 s with PROMPT. But
# a false alarm fences a healthy node and fails a test without cause, and a CI machine with two busy
# cores is sometimes stopped by its own host for some 100 ms: PATIENT tolerates that. A busy machine
# alone does no harm, because Corosync has real-time priority (SCHED_RR): with PROMPT, a Corosync
# that was stopped for 400 ms keeps its node in the cluster. PROMPT gets the rest of a budget of
# 2 s: Pacemaker may take 1.1 s until it fences (do_pe_invoke_callback sleeps for a second if CIB
# updates are pending, as they are if the coordinator has died), and fencing and the address take
# 0.1 to 0.3 s. PROMPT costs Corosync 2.5 % of a core on each of three idle nodes on one machine.
PATIENT = Timing(token=1000, consensus=1200)
PROMPT = Timing(token=200, consensus=240, tries=2)

COROSYNC = """\
totem {{
    version: 2
    cluster_name: bed
    transport: udpu
    token: {token}
    token_coefficient: 0
    consensus: {consensus}
    join: {join}
    token_retransmits_before_loss_const: {tries}
}}
logging {{
    to_stderr: no
    to_logfile: yes
    logfile: /var/log/corosync/corosync.log
    to_syslog: no
    timestamp: hires
}}
quorum {{
    provider: corosync_votequorum
    # No quorum, so no fencing, before all nodes were seen once: a node that boots a second
    # after the others would be fenced as a node nobody has ever seen.
    wait_for_all: 1
}}
nodelist {{
{nodes}}}
"""

NODE = """\
    node {{
        nodeid: {number}
        name: {name}
        ring0_addr: {address}
    }}
"""

CIB = """\
<cib validate-with="pacemaker-3.4" admin_epoch="0" epoch="1" num_updates="0">
  <configuration>
    <crm_config>
      <cluster_property_set id="cib-bootstrap-options">
{properties}      </cluster_property_set>
    </crm_config>
    <nodes/>
    <resources>
      <primitive id="fence" class="stonith" type="fence_bed">
        <instance_attributes id="fence-instance_attributes">
          <nvpair id="fence-pcmk_host_check" name="pcmk_host_check" value="static-list"/>
          <nvpair id="fence-pcmk_host_list" name="pcmk_host_list" value="{names}"/>
        </instance_attributes>
        <operations>
          <op id="fence-monitor" name="monitor" interval="60s" timeout="60s"/>
        </operations>
      </primitive>
    </resources>
    <constraints/>
    <rsc_defaults>
      <meta_attributes id="rsc_defaults-meta_attributes">
        <nvpair id="rsc_defaults-stickiness" name="resource-stickiness" value="1"/>
      </meta_attributes>
    </rsc_defaults>
  </configuration>
  <status/>
</cib>
"""

PROPERTIES = {
    "cluster-name": "bed",
    "stonith-enabled": "true",
    # as long as a fencing may take on a busy machine
    "stonith-timeout": "60s",
    # How long a starting node waits for news of a DC; the default of 20 s would delay each boot.
    "dc-deadtime": "2s",
    # Pacemaker runs one action at a time if the load is over 80 % of the cores. Here all nodes
    # share two cores: tests would measure that limit.
    "load-threshold": "1000%",
}


def corosync_conf(addresses: Mapping[str, str], timing: Timing) -> str:
    """Return the text of corosync.conf, with node IDs from 1.

    addresses: node name to IP address, without prefix.
    """
    nodes = "".join(
        NODE.format(number=number, name=name, address=address)
        for number, (name, address) in enumerate(addresses.items(), 1)
    )
    return COROSYNC.format(**asdict(timing), nodes=nodes)


def first_cib(names: list[str]) -> str:
    """Return a bed's first CIB: PROPERTIES, and a fence device for the nodes in `names`."""
    line = '        <nvpair id="option-{0}" name="{0}" value="{1}"/>\n'
    properties = "".join(line.format(*item) for item in PROPERTIES.items())
    return CIB.format(properties=properties, names=" ".join(names))


def configure(bed: Bed) -> None:
    """Write corosync.conf and the first CIB for all nodes of the bed."""
    addresses = {node.name: node.address for node in bed.nodes}
    for node in bed.nodes:
        (node.folder / "etc/corosync/corosync.conf").write_text(
            corosync_conf(addresses, bed.timing)
        )
        first = node.folder / "var/lib/pacemaker/cib/cib.xml"
        first.write_text(first_cib(list(addresses)))
        first.chmod(0o600)
        shutil.chown(first, "hacluster", "haclient")


PACEMAKER = Software(
    name="pacemaker",
    needs={
        "/usr/sbin/corosync": "corosync",
        "/usr/sbin/pacemakerd": "pacemaker",
        "/usr/sbin/crm_mon": "pacemaker-cli-utils",
        "/usr/sbin/pcs": "pcs",
        **NEEDS,
    },
    private=(
        "/etc/corosync",
        "/var/lib/corosync",
        "/var/lib/pacemaker",
        "/var/lib/pcsd",
        *PRIVATE,
    ),
    configure=configure,
)
