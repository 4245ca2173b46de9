"""What an operator does with events that could not be recorded."""
