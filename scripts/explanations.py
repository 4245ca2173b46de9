"""A sentence for every error code: `scripts.client.explanations`."""

from scripts.client.explanations import explain

__all__ = ["explain"]
