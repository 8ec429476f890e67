"""The people and firms one sells to."""
