"""Moving a workspace to another database: a copy while it serves, a short read-only moment, a fence, and one row changed."""
