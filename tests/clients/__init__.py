"""Programs of others, unmodified, from the public registries: what works with amoCRM works here."""
