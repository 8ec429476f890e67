"""One complete, safe base; each of the others says in a few lines what differs."""
