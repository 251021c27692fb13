"""The map of receivers: who listens to what, what was seen of it, and who causes whom."""
