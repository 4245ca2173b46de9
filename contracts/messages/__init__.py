"""The messages between the processes and to clients. No I/O."""
