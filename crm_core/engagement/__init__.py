"""What one promised and what was said: tasks and notes."""
