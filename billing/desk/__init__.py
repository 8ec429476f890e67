"""The administrator's pages of plan, seats and money, in the workspace: they show, ask, and call the verbs; no rule lives here."""
