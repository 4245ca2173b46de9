"""Draw the landmarks of a recorded capture from its artifact, without a vision library or numpy. Nothing is stored."""
