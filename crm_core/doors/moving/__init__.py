"""Moving in from amoCRM: a foreign account is read through its public API and written by the verbs of the product."""
