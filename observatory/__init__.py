"""The reference installation: settings, addresses and the commands that run it."""
