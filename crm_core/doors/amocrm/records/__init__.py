"""Leads, contacts and companies: one machine of lists and verbs, fed with what differs between them."""
