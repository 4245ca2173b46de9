"""``./scripts/bench``: measure the cost of each part, beside a floor that is measured in the same run."""
