"""Search: any client, deal or task by any part of a name, phone or e-mail, as one types."""
