"""People who log in: users, roles, groups, sessions, two-factor, tokens. In a workspace for its people, in control for operators."""
