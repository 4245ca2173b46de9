"""The data in Redis: the keys, fields and scripts of one kind of object in each module."""
