"""Writes to observed tables that send no signal: found by their statements, and recorded, refused or left alone."""
