"""What happened, in the API's words: one event row of ours tells one or several events of its own."""
