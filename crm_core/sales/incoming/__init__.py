"""Incoming leads: what came from outside and waits, unsorted, until someone decides what it is."""
