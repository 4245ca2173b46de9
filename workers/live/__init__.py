"""The live worker: one frame in, its landmarks out."""
