"""The process beside each daemon: it waits for the daemon's end and reports a crash."""
