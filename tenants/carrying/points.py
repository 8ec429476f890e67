"""The named moments between two steps of long work: where a kill must leave nothing half."""

from __future__ import annotations


def reached(name: str) -> None:
    """Nothing, but for the fault tests, which let the process die here."""
