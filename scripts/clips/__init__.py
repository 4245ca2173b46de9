"""Clips: the frames of videos, image folders and a sample, which the client sends."""
