"""The public site: home, prices, terms, privacy."""
