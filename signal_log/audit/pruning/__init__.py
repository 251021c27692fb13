"""How long events are kept, and how those that are older go."""
