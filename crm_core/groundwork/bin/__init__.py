"""The bin: what was thrown away waits 90 days and comes back with its links."""
