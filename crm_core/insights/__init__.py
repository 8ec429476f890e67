"""Numbers, each of which opens its rows."""
