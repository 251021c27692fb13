"""What Django does becomes events: signals, silent writes and the outcome of their transactions, handed to a sink."""
