"""What is done in a world: for each work how it is prepared, what dies, and who comes after it and what must be so then.

Run by processes of their own (mortal); given and answered in what JSON holds. Each work names the points it is killed at.
"""
