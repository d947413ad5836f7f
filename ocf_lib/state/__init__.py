"""Files: the record of a start, notes between monitors, locks, and files that hold secrets."""
