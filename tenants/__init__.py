"""Workspaces: who they are, where their rows lie, and how one is entered."""
