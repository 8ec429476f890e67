"""Third parties' migrations, kept by us so that ids are bigint and no Python runs in them."""
