"""The vocabulary everyone shares: errors, time, money, ids, who acts, where we are, what is allowed. No tables."""
