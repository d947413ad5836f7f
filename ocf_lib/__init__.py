"""What every ocf:openstack agent shares: the life cycle of an OCF action.

README.md, "How one action runs", is the map.
"""

VERSION = "1.0.0"
