"""The open API: what works with amoCRM's API v4 works here. The same services, rights, gates and events as the screens."""
