"""Files on a card."""
