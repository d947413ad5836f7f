"""A bed: a real cluster of N nodes on one machine, of Pacemaker or Heartbeat, made of namespaces.

No systemd, no container engine and no change to the host: what a node writes goes to a tmpfs,
what it sees of the host's /usr is read-only. Import what you need from the modules:

    bed.bed       Bed: builds, finds again and ends a bed
    bed.node      Node: run, kill, boot, look up processes
    bed.cluster   Cluster: pcs, crm_mon, wait for conditions
    bed.heartbeat Heartbeat: hb_standby, cl_status, logs; HEARTBEAT, for Bed(software=HEARTBEAT)
    bed.keystone  Keystone: the data of a real Keystone in a folder
    bed.login     log_in: a token, as a client gets one

bed/supervisor.py, bed/boot.py and bed/fence_bed run as processes of their own.
"""
