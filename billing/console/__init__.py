"""The operators' pages about money: thin, over the verbs of their owners. Operators see names and counts, never a firm's records."""
