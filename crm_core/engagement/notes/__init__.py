"""Notes: what was said, kept on the card."""
