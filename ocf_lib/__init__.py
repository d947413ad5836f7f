"""What every ocf:openstack agent shares: the life cycle of an OCF action (README, "How one action runs")."""

VERSION = "1.0.0"
