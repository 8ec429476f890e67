"""Settings, addresses, programs: names the house's apps as strings and imports none of them."""
