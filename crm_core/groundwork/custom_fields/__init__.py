"""Custom fields: what a firm wants to know beside what everyone asks."""
