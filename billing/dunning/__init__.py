"""What is done about time in billing: the workspace is told how it stands, people are written to, and at the very end it is erased."""
