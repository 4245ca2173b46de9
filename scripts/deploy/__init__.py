"""Containers and Kubernetes: their files, and the Python programs that these run."""
