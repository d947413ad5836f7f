"""What start runs and how, which processes run now, and why a daemon did not start."""
