"""Extractors: each owns one capture at a time and turns its frames into one artifact and one event."""
