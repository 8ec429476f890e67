"""Webhooks out: what happens here is told to other programs, in order per record, at least once, signed."""
