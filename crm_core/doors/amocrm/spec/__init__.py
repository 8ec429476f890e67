"""The specification of the open API, drawn from its addresses, and the page that shows it."""
