"""How the API speaks: bracketed queries, envelopes, problems, and the endpoint that holds them together."""
