"""Programs of other firms that work in a workspace: who they are, what they were given, how they are stopped."""
