"""The story of one row and its relatives: line by line, as of a moment, and restored into a form."""
