"""What lies in Redis, one module a thing, and the scripts that change it."""
