"""Fixtures of the console's tests."""

from __future__ import annotations

from .desk import desk

__all__ = ["desk"]
