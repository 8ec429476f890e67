"""Sign-up, and "find my workspaces"."""
