"""What every ocf:openstack agent shares: the life cycle of an OCF action.

docs/developing.md explains it under "How one action runs".
"""

VERSION = "1.0.0"
