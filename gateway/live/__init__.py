"""The real-time lane: a client sends JPEGs and gets each one's landmarks at once. Nothing is stored."""
