"""Recorded captures in the formats of other tools: ``a3cp export``."""
