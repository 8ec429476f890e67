"""The database backend: role and search path in the packet that begins a transaction, and the seat `default`."""
