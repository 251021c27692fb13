"""The reference installation: settings, URLs, and the commands that run it."""
