"""`make cluster`: the paper's cluster, whole, on this machine: a control plane on three nodes.

Every service of the paper runs as a Pacemaker resource on the real daemon, stateless ones as
clones. A virtual address leads to one of the three HAProxies, and that to all clones.

    with Bed(3, [stage], cloud.BINDS) as bed:                 # from tests.cloud import cloud
        site = Cloud(bed, architecture.choose(["keystone", "glance-api", "nova-api"]))
        try:
            site.build()
            site.cluster                    # tests.bed.cluster.Cluster: pcs, crm_mon, where, ...
            site.address, site.identity     # "192.168.42.103", "http://192.168.42.103:5000"
            site.url("nova-api")            # "http://192.168.42.103:8774", through HAProxy
            site.resource("nova-api")       # "p_nova-api"; site.clone("nova-api"): "...-clone"
            site.nodes("nova-api")          # names of the nodes on which it is healthy
            site.wait_healthy()             # all of all
        finally:
            bed.stop()
            site.down()

Requests are sent from the client's side of the network: `bed.client("curl", ...)`, or a process
started with the words of `bed.enter_client()` before it.

architecture   which services there are, and in which order: one table
commands       the pcs lines that an operator would type, made from it
balancer       haproxy.cfg, made from it
deployment     the files of each node
cloud          builds it
memory         what it takes
visit          a user who makes something of each service
target         what of it is measured
client         a user who asks ten times a second
faults         what can happen to it
shares         whose the seconds of an outage are
failover       what users notice of each fault
cost           what monitoring costs
measure        the command for both
__main__       the command
"""
