"""Business time, moved by hand outside production: stored on the control side, at most a second stale in every process."""
