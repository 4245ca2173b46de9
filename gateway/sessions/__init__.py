"""The session manager: starts, ends and validates sessions, and makes their directories."""
