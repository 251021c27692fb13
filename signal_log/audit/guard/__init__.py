"""Triggers on named tables that tell of writes past Django, and the events that become of them."""
