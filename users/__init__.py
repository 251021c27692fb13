"""Accounts and their profiles: registering makes both, and deleting either deletes both."""
