"""The addresses of each kind of host; features' own addresses are included by name."""
