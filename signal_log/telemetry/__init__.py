"""How long traces and receivers took and what they raised: best effort, never in the host's way."""
