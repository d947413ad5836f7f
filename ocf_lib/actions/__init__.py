"""What each action of OCF does: start, stop, monitor, reload, validate-all, meta-data."""
