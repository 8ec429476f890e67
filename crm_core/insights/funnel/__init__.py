"""The funnel: count, sum and conversion per stage, person and period."""
