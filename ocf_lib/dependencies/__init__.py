"""What a service depends on (database, broker, Identity), and whether that is there."""
