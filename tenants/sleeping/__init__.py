"""Dormant workspaces: put into a proven snapshot, their schema dropped, woken by whoever comes first."""
