"""Who takes the money: one narrow interface (`protocol`), one adapter for each provider."""
