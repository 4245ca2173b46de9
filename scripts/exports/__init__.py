"""``a3cp export``: recorded captures in the formats of other tools."""
