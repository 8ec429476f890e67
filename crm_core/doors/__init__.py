"""Doors: other ways in than the screens. They stand on top of all areas and bring no rules of their own."""
