"""Test workspaces: a program asks for one, works with it for a month at no cost, and it goes by itself."""
