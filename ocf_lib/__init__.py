"""What every ocf:openstack agent shares: the life cycle of an OCF action.

docs/developing.md, "How one action runs", is the map.
"""

VERSION = "1.0.0"
