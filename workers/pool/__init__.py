"""What a process of the pool runs, and what every one of them does."""
