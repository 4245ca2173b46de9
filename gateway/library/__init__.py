"""The library: lists of recorded captures, and what people say about them."""
