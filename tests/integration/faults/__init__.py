"""The fault harness: the real stack behind proxies, a history of what was sent and answered, and a checker."""
