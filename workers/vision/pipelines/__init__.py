"""Pipelines: an RGB image in, landmarks and detections out. Importing this package loads no model."""
