"""Back to yesterday: an earlier moment of a workspace laid beside the living one, compared, and its rows or all of it taken back."""
