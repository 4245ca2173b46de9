"""Pipelines: an RGB image in, landmarks by part out."""
