"""What every request shares: its id, its log line, its errors, its health."""
