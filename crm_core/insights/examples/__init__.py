"""Invented examples: the demo workspace, and data of any size for the bench."""
