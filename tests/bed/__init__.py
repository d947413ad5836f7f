"""A bed: a real Pacemaker or Heartbeat cluster of N nodes on one machine, made of namespaces.

No systemd, no container engine and no change to the host: each node writes to a tmpfs and sees
the host's /usr read-only. Import what you need from the modules:

    bed.bed       Bed: builds, finds again and ends a bed
    bed.node      Node: run commands, kill, boot, look up processes
    bed.cluster   Cluster: pcs, crm_mon, wait for conditions
    bed.heartbeat Heartbeat: hb_standby, cl_status, logs; HEARTBEAT, for Bed(software=HEARTBEAT)
    bed.keystone  Keystone: the data of a real Keystone in a folder
    bed.login     log_in: a token, as a client gets one

bed/supervisor.py, bed/boot.py and bed/fence_bed run as separate processes.
"""
