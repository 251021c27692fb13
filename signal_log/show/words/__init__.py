"""The words for events, changes, times and text, the same on every page and as on the live page."""
