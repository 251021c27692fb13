"""What the debug toolbar's panel shows and does: its rows, and what it tells of the requests before a page."""
