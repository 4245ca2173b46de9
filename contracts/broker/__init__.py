"""How the processes talk to Redis: roles, connections, keys, scripts, access rights."""
