"""Deals, their pipelines and what is sold."""
