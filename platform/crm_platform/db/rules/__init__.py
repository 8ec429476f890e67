"""Rules of our migrations and SQL: what Citus takes, and the order expand, backfill, tighten (decision 0010).

`checking` looks at everything the house has; `judging` at one migration; `purity` says how a rollout may carry it out.
"""
