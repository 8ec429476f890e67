"""The doors of programs."""
