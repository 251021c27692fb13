"""The dispatch of signals: each receiver is timed and known as a cause, and each firing opens an event."""
