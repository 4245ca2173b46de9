"""Artifacts and the files that they are in."""
