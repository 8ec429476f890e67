"""The event backbone: one row for each change that matters, written with the change, relayed after the commit."""
