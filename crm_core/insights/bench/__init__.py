"""The bench: times whole requests, imports and starts of the running product, each beside its comparison in the same run."""
