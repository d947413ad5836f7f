"""`make cluster`: the paper's whole cluster on this machine, a control plane on three nodes.

Every service of the paper runs as a Pacemaker resource with its real daemon; stateless services are
clones. A virtual address leads to one of three HAProxies, which spreads requests over all clones.

    with Bed(3, [stage], cloud.BINDS) as bed:                 # from tests.cloud import cloud
        site = Cloud(bed, architecture.choose(["keystone", "glance-api", "nova-api"]))
        try:
            site.build()
            site.cluster                    # tests.bed.cluster.Cluster: pcs, crm_mon, where, ...
            site.address, site.identity     # "192.168.42.103", "http://192.168.42.103:5000"
            site.url("nova-api")            # "http://192.168.42.103:8774", through HAProxy
            site.resource("nova-api")       # "p_nova-api"; site.clone("nova-api"): "...-clone"
            site.nodes("nova-api")          # names of the nodes on which it is healthy
            site.wait_healthy()             # all instances of all resources
        finally:
            bed.stop()
            site.down()

Send requests from the client's side of the network: `bed.client("curl", ...)`, or a process whose
command line begins with the words of `bed.enter_client()`.

architecture   one table of the services and their start order
commands       the pcs lines that an operator would type, made from that table
balancer       haproxy.cfg, made from that table
deployment     the files of each node
cloud          builds the cloud
memory         how much memory it takes
visit          a user who tries every service once
target         the cloud to measure, and the requests that it can answer
client         a user who asks ten times a second
faults         faults that can strike the cloud
shares         how the seconds of an outage divide among Corosync, Pacemaker and others
failover       what users notice of each fault
cost           what monitoring costs
measure        make cluster-measure, the command for failover and cost
__main__       make cluster, the command that builds the cloud
"""
