"""The session manager: starts, ends and validates sessions, and creates their directories."""
