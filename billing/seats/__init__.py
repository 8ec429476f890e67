"""Seats: bought and given back, taken by people, shared by those at work at the same time, counted by active days."""
