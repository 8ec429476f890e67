"""Deals: money we hope to win, moving through a pipeline."""
