"""Load: many connections, hostile ones, long runs. ``python -m tests.integration.load`` runs the long one."""
