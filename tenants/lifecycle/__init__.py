"""The whole life of a workspace: its states, its addresses, leaving, coming back, erasure with a certificate."""
