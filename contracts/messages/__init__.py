"""What travels between the processes and to clients. No I/O."""
