"""The real-time lane: a JPEG in, what is seen on it out, at once, and nothing kept."""
