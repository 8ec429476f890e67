"""Plans, subscriptions and limits."""
