"""How what is sold is named, in quotes, on invoices and at providers. A base price has the name of its item with ":base" behind (`quoting.lines_of`)."""

from __future__ import annotations

# The line of a credit note over tax alone.
UNTAX = "untax"


def seats_of(plan: str, version: int) -> str:
    """The seats of a plan's version: "plan:team:1:seats"."""
    return f"plan:{plan}:{version}:seats"


def add_on(ref: str) -> str:
    """An add-on's version, `ref` as a target names it: "contacts_10k:1" gives "addon:contacts_10k:1"."""
    return f"addon:{ref}"
