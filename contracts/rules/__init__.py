"""Rules that every process shares: ids, limits, errors and their codes, paths, the layout of a row. No I/O."""
