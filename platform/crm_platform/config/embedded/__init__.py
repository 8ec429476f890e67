"""The embedded run: PostgreSQL, Redis and every process of the product as children of one program, on one folder."""
