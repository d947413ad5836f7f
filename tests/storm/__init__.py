"""`make storm`: a control plane on three nodes loses Identity, broker and database.

backbone   MariaDB, RabbitMQ and memcached on a separate machine beside the nodes
services   the services, their nodes, and what each depends on
plant      the cluster with these services as Pacemaker resources
standing   the state of each resource, read from Pacemaker's CIB
recorder   looks about once a second and records each change as an event
play       the outages, and what must and must not happen during them
picture    the timeline as SVG
__main__   the command
"""
