"""Long work: rows in the workspace with lease and checkpoint, served after the commit."""
