"""What is always true: ids, limits, errors, paths, the layout of a row. No I/O."""
