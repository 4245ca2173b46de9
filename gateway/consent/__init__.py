"""The consent text that clients show, and the route that serves it."""
