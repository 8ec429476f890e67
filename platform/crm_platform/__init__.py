"""Kartoteka's ground floor: what every firm's workspace stands on, knowing no tenant, no plan and no deal."""

__version__ = "0.1.0"
