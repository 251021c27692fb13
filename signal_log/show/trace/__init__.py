"""One trace laid out as a tree on a time axis, and written as a test."""
