"""Uploads: a video in place of a camera, taken piece by piece into the frames broker, then a capture like any other."""
