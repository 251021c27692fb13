"""Parties that countersign or stamp checkpoints: how this log asks them, and how it is one for others."""
