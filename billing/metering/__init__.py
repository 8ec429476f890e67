"""Exact counters inside the workspace, and the answer to the one question about limits."""
