"""What is made when the project is built."""
