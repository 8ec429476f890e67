"""The doors for messages between programs: in, stored once; out, delivered at least once."""
