"""What was written to what holds: words, numbers and settings, read and checked."""
