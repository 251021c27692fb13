"""The soak: the whole installation at work for minutes or hours, each part killed at random, and then judged."""
