"""What runs inside a host's own tests: on their path as `observed_host`, so it imports nothing of `tests`."""
