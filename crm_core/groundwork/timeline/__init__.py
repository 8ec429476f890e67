"""Timeline: everything that happened to a record, in one stream."""
