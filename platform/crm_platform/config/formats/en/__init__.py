"""English as the world reads it, not as one country does: the day before the month, 24 hours."""
