"""The picture of a recorded capture: what its artifact holds, drawn. No vision library, no numpy, nothing kept."""
