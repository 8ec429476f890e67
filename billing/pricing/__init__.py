"""What something costs: terms, quotes, proration. Pure arithmetic in integer minor units; nothing here reads a database."""

from __future__ import annotations

from .quoting import Discount, Item, Line, Quote, a_month, lines_of, quote
from .terms import Interval, Rate, Terms, read

__all__ = ["Discount", "Interval", "Item", "Line", "Quote", "Rate", "Terms", "a_month", "lines_of", "quote", "read"]
