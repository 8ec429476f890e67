"""Records: what every noun of the product has in common, and the registry of nouns."""
