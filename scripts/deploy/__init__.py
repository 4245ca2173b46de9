"""Containers and Kubernetes: what their files need of Python."""
