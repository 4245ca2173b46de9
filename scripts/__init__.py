"""The commands people type, and the Python behind the ``a3cp`` command."""
