"""Logging in to Identity: credentials, sessions, the kept token, and the pause after a refusal."""
