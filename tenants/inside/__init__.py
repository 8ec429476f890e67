"""What stands in the workspace itself about the workspace: its plan values and state, and the firm's preferences."""
