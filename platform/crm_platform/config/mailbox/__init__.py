"""The mailbox page of the embedded run: what would have been sent, readable in the browser."""
