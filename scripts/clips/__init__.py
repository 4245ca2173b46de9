"""Clips: frames from videos, images and a sample, sent through the client."""
