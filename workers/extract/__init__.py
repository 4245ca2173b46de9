"""The extractor: one capture or upload at a time becomes one artifact."""
