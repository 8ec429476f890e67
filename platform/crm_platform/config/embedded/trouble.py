"""What can go wrong at start-up, each as one clear sentence."""

from __future__ import annotations


class Trouble(Exception):
    """A sentence for the person at the terminal; the program ends with status 1 and no traceback."""


class InUse(Trouble):
    """Another run holds the data folder."""
