"""Making workspaces: the template script, the pool of ready schemas, the claim."""
