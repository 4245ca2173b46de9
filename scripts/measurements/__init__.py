"""``./scripts/bench``: what things cost, each beside the floor that was measured in the same run."""
