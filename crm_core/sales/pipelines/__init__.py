"""Pipelines: the stages a deal goes through, and why deals are lost."""
