"""Paying by transfer: our own bills with a reference, our own periods and proration, money found in the bank's statements."""
