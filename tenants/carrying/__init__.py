"""Carrying a workspace's rows: out of a schema under one snapshot, into an empty one, and proof that both are equal.

Archives, snapshots, moves, restores and waking are made of these pieces. All of them name the schema and never look
through the whole catalogue (tenancy.md section 5).
"""
