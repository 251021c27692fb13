"""Breaks in the stories of rows: what was written past the recorder, as the log itself gives away."""
