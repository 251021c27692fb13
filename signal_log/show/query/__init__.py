"""What a page's address asks for, and the events, counts and choices that answer it."""
