"""Plans, limits, seats and money."""
