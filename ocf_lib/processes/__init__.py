"""Which process is it? Everything that is read from /proc, and signals to exactly that process."""
