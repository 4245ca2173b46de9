"""The documents of /docs."""
