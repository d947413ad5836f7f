"""`make storm`: a control plane on three nodes, whose Identity, broker and database go away.

backbone   MariaDB, RabbitMQ and memcached on a machine of their own beside the nodes
services   which services there are, on which node, and what each depends on
plant      the cluster with these services as Pacemaker resources
standing   how Pacemaker says each resource stands, read from its CIB
recorder   looks once a second and makes events of what has changed
play       the outages, and what must and must not happen meanwhile
picture    the SVG
__main__   the command
"""
