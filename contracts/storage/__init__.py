"""Read artifacts and session logs, and write objects and folders durably."""
