"""What works on any record: its fields, history, search, tags, files, views, bin, import and export."""
