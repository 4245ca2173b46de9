"""What the processes share: messages, limits, errors, names in Redis, the scripts, the settings."""
