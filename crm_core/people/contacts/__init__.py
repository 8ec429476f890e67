"""Contacts: the people one speaks with."""
