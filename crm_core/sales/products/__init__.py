"""Products: what is sold, in series, at a price."""
