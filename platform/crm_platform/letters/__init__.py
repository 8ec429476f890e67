"""Letters the house itself sends: rendered and kept with the change that causes them, sent after the commit."""
