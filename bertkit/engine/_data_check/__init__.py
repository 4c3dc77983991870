"""What can be said of rows before any training, one idea a file."""
