"""Shelves: what a program keeps with us and the product has no noun for. One engine, a declaration for each kind."""
