"""Tasks: what was promised, to whom, by when, and what came of it."""
