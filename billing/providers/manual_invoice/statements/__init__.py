"""Bank statements: three forms are read into one, and each line finds its bill, or waits for a person."""
