"""Uploads: a client sends a video; the gateway stores it in the frames broker and dispatches it as a capture."""
