"""The live stream: committed events are read once a process, and reach each websocket once, after a doorbell."""
