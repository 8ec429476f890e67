"""Internal snapshots: all rows of a workspace at one moment, with its secrets, sealed with the platform's key; never handed out."""
