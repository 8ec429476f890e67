"""Bringing workspaces to this release: each migration's SQL rendered once and replayed per workspace, in rings, resumable.

`plan` renders, `steps` keeps the ledger, `replay` changes one workspace, `run` works through them all.
"""
